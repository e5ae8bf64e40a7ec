import type { EvmNetwork } from '../../evm/network.ts'
import { authorizationEvidence } from '../../evm/reconcile.ts'
import {
  deferTransfer,
  reconcileTransfer,
  settleDeferredTransfer,
  settleTransfer,
} from '../../evm/settlement.ts'
import type { SignedTransfer } from '../../evm/settler.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Payment } from '../../payments/payment.ts'
import type { Settlement } from '../../payments/settlement.ts'
import type { Verified } from '../protocol.ts'

/** How a verified transfer is settled, now or later, and what is kept to ask the chain about it. */
export function settlementOf(
  transfer: SignedTransfer,
  v1Network: string | null,
): Pick<Verified, 'evidence' | 'deferred' | 'settle'> {
  return {
    evidence: { ...authorizationEvidence(transfer), ...(v1Network !== null && { v1Network }) },
    deferred: deferTransfer(transfer),
    settle: () => settleTransfer(transfer),
  }
}

/** Settles from what {@link settlementOf} kept. */
export async function settleDeferred(
  payment: Payment,
  deferred: JsonObject,
  network: EvmNetwork | undefined,
): Promise<Settlement> {
  return network ? settleDeferredTransfer(payment, deferred, network) : notConfigured(payment)
}

/** Asks the chain about a payment. */
export async function reconcile(payment: Payment, network: EvmNetwork | undefined): Promise<Settlement> {
  return network ? reconcileTransfer(payment, network) : notConfigured(payment)
}

function notConfigured({ transaction, network }: Payment): Settlement {
  return { outcome: 'unknown', transaction, detail: `${network} is not configured any more.` }
}
