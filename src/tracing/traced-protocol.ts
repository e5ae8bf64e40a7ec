import type { Payment } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import { isRefusal } from '../problems/refusal.ts'
import type { Protocol, Verified } from '../protocols/protocol.ts'
import type { Attributes, OperationName, Trace } from './tracer.ts'

/** A protocol whose checks, settlements and questions to chains are traced. */
export function traceProtocol(protocol: Protocol, trace: Trace): Protocol {
  return {
    ...protocol,
    verify: (credential, charge) =>
      trace({ name: 'verify', attributes: { protocol: protocol.name } }, async (span) => {
        const verified = await protocol.verify(credential, charge)
        if (isRefusal(verified)) {
          span.set({ outcome: 'refused', reason: verified.reason })
          return verified
        }
        span.set({ outcome: 'verified', method: verified.method, network: verified.network })
        const settle = () => settlement('settle', attributesOf(verified), () => verified.settle())
        return { ...verified, settle }
      }),
    settleDeferred: (payment, deferred) =>
      settlement('settle', attributesOf(payment), () => protocol.settleDeferred(payment, deferred)),
    reconcile: (payment) => settlement('reconcile', attributesOf(payment), () => protocol.reconcile(payment)),
    confirm: (payment) =>
      trace({ name: 'confirm', attributes: attributesOf(payment) }, async (span) => {
        const finality = await protocol.confirm(payment)
        span.set({ outcome: finality })
        return finality
      }),
  }

  function attributesOf({ method, network }: Pick<Payment | Verified, 'method' | 'network'>): Attributes {
    return { protocol: protocol.name, method, network }
  }

  function settlement(
    name: OperationName,
    attributes: Attributes,
    run: () => Promise<Settlement>,
  ): Promise<Settlement> {
    return trace({ name, attributes }, async (span) => {
      const ended = await run()
      span.set({ outcome: ended.outcome })
      return ended
    })
  }
}
