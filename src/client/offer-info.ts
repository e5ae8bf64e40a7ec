import type { Address } from '../payments/address.ts'
import { formatAmount } from '../payments/amount.ts'
import type { ChainId } from '../payments/chain.ts'
import type { ProtocolName } from '../payments/payment.ts'
import type { ReceivedOffer } from '../protocols/payer.ts'
import { costOf, USD_DECIMALS } from './limit.ts'
import { assetIdOf, type PayableAsset } from './payable-asset.ts'

/** A way to pay that a server offers, for programs and people to look at. Its words are the server's. */
export interface OfferInfo {
  readonly protocol: ProtocolName
  /** Version of x402; `null` for MPP. */
  readonly version: 1 | 2 | null
  /** `exact`, `tempo`, `evm`. */
  readonly method: string
  readonly network: ChainId
  /** Token contract. */
  readonly asset: Address
  /** CAIP-19 name of the token, by which limits go. */
  readonly assetId: string
  /** Base units, as a decimal string. */
  readonly units: string
  /** Ticker of the token; `null` for one that is not among `policy.assets`. */
  readonly symbol: string | null
  /** Whole tokens; `null` for a token that is not among `policy.assets`. */
  readonly amount: string | null
  /** US dollars; `null` for a token that is not worth one. */
  readonly usd: string | null
  readonly recipient: Address
  /** Others who get a part of the amount; base units as decimal strings. */
  readonly splits: readonly { readonly recipient: Address; readonly units: string }[]
  /** What it is said to be for. */
  readonly resource: string | null
  readonly description: string | null
  /** Epoch milliseconds; `null` when it does not say. */
  readonly expiresAt: number | null
}

/** What a way to pay looks like from outside. The asset is `null` when it is not known. */
export function offerInfo(offer: ReceivedOffer, asset: PayableAsset | null): OfferInfo {
  const { protocol, version, method, network, amount, recipient, resource, description, expiresAt } = offer
  const usd = asset && costOf(asset, amount).usd
  return {
    protocol,
    version,
    method,
    network,
    asset: offer.asset,
    assetId: assetIdOf(network, offer.asset),
    units: amount.toString(),
    symbol: asset?.symbol ?? null,
    amount: asset && formatAmount(amount, asset.decimals),
    usd: usd === null ? null : formatAmount(usd, USD_DECIMALS),
    recipient,
    splits: offer.splits.map((split) => ({ recipient: split.recipient, units: split.amount.toString() })),
    resource,
    description,
    expiresAt,
  }
}
