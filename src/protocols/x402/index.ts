import { confirmPayment, watchesPayment } from '../../evm/finality.ts'
import type { EvmNetwork } from '../../evm/network.ts'
import { toBaseUnits } from '../../payments/amount.ts'
import { invalidOption } from '../../problems/error.ts'
import { refuseUnknownOptions } from '../../problems/options.ts'
import type { ProtocolFactory } from '../protocol.ts'
import { createChallenge } from './challenge.ts'
import { type Content, readCredential } from './credential.ts'
import { receiptFields } from './receipt.ts'
import { reconcile, settleDeferred } from './settle.ts'
import { verifyContent } from './verify.ts'

/** What {@link x402} takes. */
export interface X402Options {
  /** Chains to be paid on, in the order in which they are offered: `base({ … })`. */
  readonly networks: readonly EvmNetwork[]
}

/**
 * x402, versions 2 and 1: the `exact` scheme with EIP-3009 tokens.
 *
 * @throws CofferError `invalid-option` when `networks` is empty or names a chain twice.
 */
export function x402(options: X402Options): ProtocolFactory {
  refuseUnknownOptions(options, ['networks'], 'x402')
  const { networks } = options
  if (networks.length === 0) invalidOption('x402.networks', 'at least one network, such as base({ … })')
  const byId = new Map(networks.map((network) => [network.id, network]))
  if (byId.size < networks.length) invalidOption('x402.networks', 'each chain once')
  return ({ clock, random }) => ({
    name: 'x402',
    chains: [...byId.keys()],
    checkPrice(price) {
      for (const { assets } of networks) for (const { decimals } of assets) toBaseUnits(price, decimals)
    },
    challenge: (charge, _request, refusal) => createChallenge(networks, charge, refusal, random),
    offers: ({ price, recipient }) =>
      networks.flatMap(({ id, assets }) =>
        assets.map(({ address, decimals }) => ({
          method: 'exact',
          network: id,
          asset: address,
          amount: toBaseUnits(price, decimals),
          recipient: recipient(id),
        })),
      ),
    credential: readCredential,
    verify: ({ content }, charge) => verifyContent(content as Content, charge, networks, clock),
    reconcile: (payment) => reconcile(payment, byId.get(payment.network)),
    settleDeferred: (payment, deferred) => settleDeferred(payment, deferred, byId.get(payment.network)),
    watches(payment) {
      const network = byId.get(payment.network)
      return network !== undefined && watchesPayment(payment, network)
    },
    async confirm(payment) {
      const network = byId.get(payment.network)
      return network ? confirmPayment(payment, network) : 'pending'
    },
    receipt: (payment) => receiptFields(payment),
  })
}
