import type { Clock } from '../lib/clock.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { isLeased, type Payment } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import type { Write } from '../stores/store.ts'
import type { Ledger } from './ledger.ts'
import type { JobHandler } from './worker.ts'

/** What a {@link createReconciler} stands on. */
export interface ReconcilerOptions {
  readonly ledger: Ledger
  readonly clock: Clock
  /** Asks the chain about a payment. */
  readonly reconcile: (payment: Payment) => Promise<Settlement>
  /** Moves the money of a payment that settles in the background. */
  readonly settleDeferred: (payment: Payment, deferred: JsonObject) => Promise<Settlement>
}

/**
 * Runs `reconcile` jobs: finds out what became of a payment that nobody saw end, and settles what was left to the outbox.
 */
export function createReconciler({
  ledger,
  clock,
  reconcile,
  settleDeferred,
}: ReconcilerOptions): JobHandler {
  return async ({ data, attempts }) => {
    const held = await ledger.get(String(data['payment']))
    if (held === null) return { ended: 'done' }
    const { payment } = held
    if (isEnded(payment)) return { ended: 'done' }
    const { deferred } = data
    if (!isJsonObject(deferred) && isLeased(payment, clock())) {
      return { ended: 'later', error: 'somebody works on it', dueAt: payment.leaseUntil ?? clock() }
    }
    const settlement = await settle(payment, isJsonObject(deferred) ? deferred : null, attempts === 1)
    // A handler that answered while the money moved has written the payment too. The outcome must not get lost by that: it may
    // be known to nobody but the facilitator, and told once.
    const writes = isJsonObject(deferred)
      ? () => writesNow(payment.id, settlement)
      : await ledger.settlementWrites(held, settlement)
    if (settlement.outcome === 'settled' || settlement.outcome === 'failed') return { ended: 'done', writes }
    return { ended: 'later', error: settlement.detail, writes }
  }

  async function writesNow(id: string, settlement: Settlement): Promise<readonly Write[]> {
    const held = await ledger.get(id)
    return held === null || isEnded(held.payment) ? [] : ledger.settlementWrites(held, settlement)
  }

  async function settle(
    payment: Payment,
    deferred: JsonObject | null,
    isFirst: boolean,
  ): Promise<Settlement> {
    if (deferred === null) return reconcile(payment)
    const move = (): Promise<Settlement> => settleDeferred(payment, deferred)
    return isFirst ? move() : settleAgain(() => reconcile(payment), move)
  }
}

const isEnded = ({ state }: Payment): boolean => state === 'settled' || state === 'failed'

/**
 * Settles a payment that somebody may have settled already: the chain is asked first. A refusal is not believed, since
 * the earlier transaction may have landed just before, or may still land: only the chain ends a doubt.
 */
export async function settleAgain(
  reconcile: () => Promise<Settlement>,
  move: () => Promise<Settlement>,
): Promise<Settlement> {
  const found = await reconcile()
  if (found.outcome !== 'unsent') return found
  const settlement = await move()
  return settlement.outcome === 'failed' ? reconcile() : settlement
}
