import type { Settlement } from '../payments/settlement.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { Held } from '../settlement/ledger.ts'
import type { Settings } from './settings.ts'

/** A payment whose handler may run now. */
export interface Paid {
  readonly held: Held
  /** Whether it was settled by an earlier request, whose answer failed. */
  readonly redeemed: boolean
  /** Moves the money once the handler has answered; `null` when it has moved, or the outbox moves it. */
  readonly settleAfter: (() => Promise<Held | Refusal>) | null
}

/** Lets the handler run: after the money moved, or before it does. */
export async function start(
  held: Held,
  move: () => Promise<Settlement>,
  settings: Settings,
): Promise<Paid | Refusal> {
  switch (held.payment.settle) {
    case 'background':
      return { held, redeemed: false, settleAfter: null }
    case 'after':
      return { held, redeemed: false, settleAfter: () => settle(held, move, settings) }
    case 'before':
      return settleFirst(held, move, settings)
  }
}

/** Moves the money, and then lets the handler run. */
export async function settleFirst(
  held: Held,
  move: () => Promise<Settlement>,
  settings: Settings,
): Promise<Paid | Refusal> {
  const settled = await settle(held, move, settings)
  return isRefusal(settled) ? settled : { held: settled, redeemed: false, settleAfter: null }
}

/** Moves the money of a payment that we hold, and writes down how that ended. */
async function settle(
  held: Held,
  move: () => Promise<Settlement>,
  { ledger, onError }: Settings,
): Promise<Held | Refusal> {
  const settlement = await move().catch((error: unknown): Settlement => {
    onError(error)
    return { outcome: 'unknown', transaction: null, detail: 'the settlement broke off' }
  })
  const after = await ledger.settle(held, settlement)
  if (after === null) return inFlight()
  switch (settlement.outcome) {
    case 'settled':
      return after
    case 'failed':
      return failed(settlement.cause)
    case 'unknown':
      await release(after, ledger)
      return UNKNOWN
    case 'unsent':
      await release(after, ledger)
      // Of a settlement that somebody began before, nobody knows that no money moved.
      return held.jobDueAt === undefined ? UNKNOWN : UNAVAILABLE
  }
}

/** A payment that the outbox settles keeps its lease for the handler; here no handler follows. */
async function release(held: Held, ledger: Settings['ledger']): Promise<void> {
  if (held.payment.leaseUntil !== null) await ledger.release(held)
}

const UNKNOWN = refuse(
  'settlement-unknown',
  'The settlement did not answer in time: money may have moved. Send the same credential again.',
  { retryAfter: 5 },
)

const UNAVAILABLE = refuse(
  'settlement-unavailable',
  'The settlement could not be started: no money moved. Send the same credential again.',
  { retryAfter: 5 },
)

/** Somebody else holds the lease. */
export const inFlight = (): Refusal =>
  refuse('payment-in-flight', 'Another request with this payment is being worked on.', { retryAfter: 1 })

/** The money did not move, and never will for this credential. */
export const failed = (cause: string | null): Refusal =>
  refuse(
    'settlement-failed',
    'The settlement of this payment failed: no money moved. Pay with a new credential.',
    {
      ...(cause !== null && { cause }),
    },
  )
