import { toBaseUnits } from '../../payments/amount.ts'
import type { Payment } from '../../payments/payment.ts'
import type { Settlement } from '../../payments/settlement.ts'
import { invalidOption } from '../../problems/error.ts'
import { refuseUnknownOptions } from '../../problems/options.ts'
import type { ProtocolFactory } from '../protocol.ts'
import { selectMethods } from './accept-payment.ts'
import { createChallenge } from './challenge.ts'
import { createChallengeSigner } from './challenge-signer.ts'
import { type Content, readCredential } from './credential.ts'
import { ACCEPT_PAYMENT } from './headers.ts'
import type { Method } from './method.ts'
import { receiptFields } from './receipt.ts'
import { verifyContent } from './verify.ts'

/** What {@link mpp} takes. */
export interface MppOptions {
  /** Ways to be paid, in the order in which they are offered: `tempo({ … })`, `evm({ … })`. */
  readonly methods: readonly Method[]
}

/**
 * MPP, the Payment scheme of HTTP authentication (draft-httpauth-payment-00): the `charge` intent.
 *
 * @throws CofferError `invalid-option` when `methods` is empty or names a method twice for one chain.
 */
export function mpp(options: MppOptions): ProtocolFactory {
  refuseUnknownOptions(options, ['methods'], 'mpp')
  const { methods } = options
  if (methods.length === 0) invalidOption('mpp.methods', 'at least one method, such as tempo({ … })')
  const byName = new Map(methods.map((method) => [`${method.name} ${method.chain}`, method]))
  if (byName.size < methods.length) invalidOption('mpp.methods', 'each method once per chain')
  const methodOf = ({ method, network }: Payment): Method | undefined => byName.get(`${method} ${network}`)
  return ({ secrets, clock, random }) => {
    const signer = createChallengeSigner(secrets)
    return {
      name: 'mpp',
      chains: [...new Set(methods.map(({ chain }) => chain))],
      checkPrice(price) {
        for (const method of methods) method.checkPrice(price)
      },
      challenge: (charge, request) =>
        createChallenge(selectMethods(methods, request.get(ACCEPT_PAYMENT)), charge, signer, random),
      offers: ({ price, recipient }) =>
        methods.map(({ name, chain, asset }) => ({
          method: name,
          network: chain,
          asset: asset.address,
          amount: toBaseUnits(price, asset.decimals),
          recipient: recipient(chain),
        })),
      credential: readCredential,
      // What `readCredential` made comes back as it was.
      verify: ({ content }, charge) => verifyContent(content as Content, charge, methods, signer, clock),
      reconcile: async (payment) => (await methodOf(payment)?.reconcile(payment)) ?? gone(payment),
      settleDeferred: async (payment, deferred) =>
        (await methodOf(payment)?.settleDeferred(payment, deferred)) ?? gone(payment),
      watches: (payment) => methodOf(payment)?.watches(payment) ?? false,
      confirm: async (payment) => (await methodOf(payment)?.confirm(payment)) ?? 'pending',
      receipt: receiptFields,
    }
  }
}

/** The configuration has changed since the payment was made. */
function gone({ method, network, transaction }: Payment): Settlement {
  return { outcome: 'unknown', transaction, detail: `${method} on ${network} is no longer configured.` }
}
