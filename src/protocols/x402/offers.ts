import type { EvmNetwork } from '../../evm/network.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Address } from '../../payments/address.ts'
import { toBaseUnits } from '../../payments/amount.ts'
import type { Asset } from '../../payments/asset.ts'
import type { Charge } from '../protocol.ts'

/** One way to pay a charge with the `exact` scheme: a token on a chain. */
export interface Offer {
  readonly network: EvmNetwork
  readonly asset: Asset
  readonly amount: bigint
  readonly recipient: Address
  /** PaymentRequirements of x402 v2 (section 5.1), without what differs from one challenge to the next. */
  readonly requirement: JsonObject & { readonly extra: JsonObject }
}

/** All ways to pay a charge, in the order of the configuration. The same charge gives the same offers. */
export function createOffers(charge: Charge, networks: readonly EvmNetwork[]): readonly Offer[] {
  return networks.flatMap((network) => network.assets.map((asset) => createOffer(charge, network, asset)))
}

function createOffer(charge: Charge, network: EvmNetwork, asset: Asset): Offer {
  const amount = toBaseUnits(charge.price, asset.decimals)
  const recipient = charge.recipient(network.id)
  return {
    network,
    asset,
    amount,
    recipient,
    requirement: {
      scheme: 'exact',
      network: network.id,
      amount: amount.toString(),
      asset: asset.address,
      payTo: recipient,
      maxTimeoutSeconds: charge.ttl,
      // The domain of the token, which clients sign with; the rest binds what a credential buys. Clients echo it whole.
      extra: {
        ...asset.eip712,
        route: charge.route,
        ...(charge.digest !== null && { digest: charge.digest }),
      },
    },
  }
}
