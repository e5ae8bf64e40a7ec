import type { Clock } from '../lib/clock.ts'
import type { Payment } from '../payments/payment.ts'
import type { Finality } from '../protocols/protocol.ts'
import type { Ledger } from './ledger.ts'
import type { JobHandler } from './worker.ts'

/** What a {@link createConfirmer} stands on. */
export interface ConfirmerOptions {
  readonly ledger: Ledger
  readonly clock: Clock
  /** Asks the chain how deep a payment lies. */
  readonly confirm: (payment: Payment) => Promise<Finality>
}

/** Between two looks at a transaction that is not deep enough yet, milliseconds. */
const AGAIN_MS = 30_000

/** Runs `confirm` jobs: watches a settled payment until no reorganisation can take it back, and tells when one did. */
export function createConfirmer({ ledger, clock, confirm }: ConfirmerOptions): JobHandler {
  return async ({ data }) => {
    const held = await ledger.get(String(data['payment']))
    if (held?.payment.state !== 'settled') return { ended: 'done' }
    const finality = await confirm(held.payment)
    if (finality === 'final') return { ended: 'done' }
    if (finality === 'vanished') return { ended: 'done', writes: ledger.vanishWrites(held) }
    return { ended: 'later', error: 'not deep enough yet', dueAt: clock() + AGAIN_MS, maxAttempts: 10_000 }
  }
}
