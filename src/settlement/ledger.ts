import type { Clock } from '../lib/clock.ts'
import type { JsonObject } from '../lib/json.ts'
import {
  afterSettlement,
  claimed,
  delivered,
  leased,
  type NewPayment,
  owed,
  type Payment,
  vanished,
} from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import { keys } from '../stores/keys.ts'
import type { Store, Version, Write } from '../stores/store.ts'
import { confirmJob, dequeue, enqueue, reconcileJob } from './outbox.ts'

/** A payment as it was read or written last. A transition succeeds only from the version it holds. */
export interface Held {
  readonly payment: Payment
  readonly version: Version
  /** When the outbox row of the claim is due: known to the claimant alone, who may still move the row. */
  readonly jobDueAt?: number
}

/** The book of payments. Every method that changes something is one commit, with all that follows from it. */
export interface Ledger {
  /**
   * Takes the proofs for this payment; `null` when any of them, or its idempotency key, is taken already.
   *
   * @param deferred - What the outbox needs to settle it; present when it settles in the background.
   * @param also - Further writes of the commit.
   */
  claim(payment: NewPayment, deferred?: JsonObject, also?: readonly Write[]): Promise<Held | null>
  get(id: string): Promise<Held | null>
  /** The payment that this very credential made. */
  findByCredential(hash: string): Promise<Held | null>
  /** The payment that a payer's idempotency key belongs to. */
  findByKey(hash: string): Promise<Held | null>
  /** Whether any of these proofs is taken. */
  isSpent(proofs: readonly string[]): Promise<boolean>
  /** Works on a payment that nobody works on: `null` when somebody else was faster. */
  lease(held: Held): Promise<Held | null>
  /** Writes down how the settlement ended: `null` when somebody else did so first. */
  settle(held: Held, settlement: Settlement): Promise<Held | null>
  /** The writes of {@link settle}, for a commit that has more to say. */
  settlementWrites(held: Held, settlement: Settlement): Promise<readonly Write[]>
  /** The writes for a settled payment whose transaction is on the chain no more. */
  vanishWrites(held: Held): readonly Write[]
  /** The handler answered, perhaps with a result to keep: `null` when the lease was lost meanwhile. */
  deliver(held: Held, result?: JsonObject): Promise<Held | null>
  /** The handler did not deliver: the payer may come back. */
  owe(held: Held): Promise<Held | null>
  /** {@link owe} for a handler that gave no answer at all, or one that nobody got. */
  abandon(held: Held): Promise<Held | null>
  /** Ends the work on a payment that no handler was run for. */
  release(held: Held): Promise<Held | null>
}

/** Transitions that something else may follow from. */
export type Transition =
  | 'payment.received'
  | 'payment.settled'
  | 'payment.failed'
  | 'payment.unknown'
  | 'payment.vanished'
  | 'payment.resumed'
  | 'payment.delivered'
  | 'payment.owed'
  | 'payment.abandoned'

/**
 * What else follows from a transition, for its own commit: the rows to write.
 *
 * @param payment - As it is after the transition.
 * @param detail - What there is to say about its settlement.
 */
export type Follow = (transition: Transition, payment: Payment, detail?: string) => readonly Write[]

/** What a {@link Ledger} stands on. */
export interface LedgerOptions {
  readonly store: Store
  readonly clock: Clock
  /** How long a settlement or a handler may work before its payment counts as abandoned, milliseconds. */
  readonly leaseMs: number
  /** How long a result can be had again, milliseconds. */
  readonly resultMs: number
  readonly follow: Follow
  /** Whether a settled payment has to be looked at again, because its chain may take it back. */
  readonly isWatched: (payment: Payment) => boolean
}

/** First look at whether a settled payment is there to stay, milliseconds after it settled. */
const CONFIRM_MS = 30_000

/** First look at a settlement in doubt, milliseconds after it came into doubt. */
const RECONCILE_MS = 2000

/** Opens the book. */
export function createLedger({ store, clock, leaseMs, resultMs, follow, isWatched }: LedgerOptions): Ledger {
  async function commit(
    payment: Payment,
    condition: Write['if'],
    also: readonly Write[],
  ): Promise<Held | null> {
    const version = await store.commit([paymentWrite(payment, condition), ...also])
    return version === null ? null : { payment, version }
  }

  async function get(id: string): Promise<Held | null> {
    const entry = await store.get(keys.payment(id))
    return entry && { payment: fromJson(entry.value), version: entry.version }
  }

  async function find(key: string): Promise<Held | null> {
    const index = await store.get(key)
    return index && get(String(index.value['payment']))
  }

  /** A transition by the holder of the lease. The outbox may have written meanwhile; the lease decides, not the version. */
  async function conclude(
    held: Held,
    transition: Transition | null,
    next: (payment: Payment) => Payment,
    also: readonly Write[] = [],
  ): Promise<Held | null> {
    for (let current: Held | null = held; current !== null; current = await get(held.payment.id)) {
      if (current.payment.leaseUntil !== held.payment.leaseUntil) return null
      const after = next(current.payment)
      const news = transition === null ? [] : follow(transition, after)
      const done = await commit(after, { version: current.version }, [...also, ...news])
      if (done !== null) return done
    }
    return null
  }

  /** What follows from a settlement, besides the payment's own record. */
  async function consequences(
    payment: Payment,
    settlement: Settlement,
    before: Payment,
  ): Promise<readonly Write[]> {
    const detail = settlement.outcome === 'settled' ? undefined : settlement.detail
    if (payment.state === 'unknown') {
      return before.state === 'unknown' ? [] : follow('payment.unknown', payment, detail)
    }
    const rows: Write[] =
      payment.settle === 'background' ? [{ key: keys.unsettled(payment.id), value: null }] : []
    if (payment.state === 'settled') {
      if (isWatched(payment)) rows.push(enqueue(confirmJob(payment.id), clock() + CONFIRM_MS))
      return [...rows, ...follow('payment.settled', payment)]
    }
    return [...rows, ...(await freeKey(payment)), ...follow('payment.failed', payment, detail)]
  }

  /** Nothing was bought with the key, so it is free again; unless it expired and is another payment's by now. */
  async function freeKey({ id, idempotency }: Payment): Promise<readonly Write[]> {
    const index = idempotency && (await store.get(keys.idempotency(idempotency.hash)))
    if (index?.value['payment'] !== id) return []
    return [{ key: index.key, value: null, if: { version: index.version } }]
  }

  /**
   * Moves the row that the claim wrote. Who settles an abandoned claim leaves the row to the outbox, which has moved it
   * already; there must not be two.
   */
  function jobWrites({ payment, version, jobDueAt }: Held, isInDoubt: boolean): readonly Write[] {
    if (jobDueAt === undefined) return []
    const job = reconcileJob(payment.id)
    const row = dequeue(job.id, jobDueAt)
    if (!isInDoubt) return [row]
    const moved = enqueue(job, clock() + RECONCILE_MS)
    const condition = { version }
    // It may be due at that very millisecond already.
    return moved.key === row.key ? [{ ...moved, if: condition }] : [{ ...row, if: condition }, moved]
  }

  return {
    async claim(newPayment, deferred, also = []) {
      const now = clock()
      const leaseUntil = now + leaseMs
      const payment = claimed(newPayment, now, leaseUntil)
      const index = (key: string, expiresAt?: number): Write => ({
        key,
        value: { payment: payment.id },
        if: 'absent',
        ...(expiresAt !== undefined && { expiresAt }),
      })
      const job = reconcileJob(payment.id, deferred)
      const jobDueAt = deferred === undefined ? leaseUntil : now
      const held = await commit(payment, 'absent', [
        ...payment.proofs.map((proof) => index(keys.proof(proof))),
        index(keys.credential(payment.credentialHash)),
        ...(payment.idempotency ? [index(keys.idempotency(payment.idempotency.hash), now + resultMs)] : []),
        {
          key: keys.paymentAt(now, payment.id),
          value: { payment: payment.id, protocol: payment.protocol, route: payment.route },
        },
        // Should this process die, somebody will look. What the outbox settles, it settles at once.
        enqueue(job, jobDueAt),
        ...follow('payment.received', payment),
        ...also,
      ])
      return held && { ...held, jobDueAt }
    },
    get,
    findByCredential: (hash) => find(keys.credential(hash)),
    findByKey: (hash) => find(keys.idempotency(hash)),
    async isSpent(proofs) {
      const found = await Promise.all(proofs.map((proof) => store.get(keys.proof(proof))))
      return found.some((index) => index !== null)
    },
    lease({ payment, version }) {
      const after = leased(payment, clock() + leaseMs)
      return commit(after, { version }, follow('payment.resumed', after))
    },
    async settle(held, settlement) {
      const settled = afterSettlement(held.payment, settlement, clock())
      const job = jobWrites(held, settled.state === 'unknown')
      // The handler has all of its time, however long the chain took.
      const after = settled.leaseUntil === null ? settled : leased(settled, clock() + leaseMs)
      const also = await consequences(after, settlement, held.payment)
      return commit(after, { version: held.version }, [...also, ...job])
    },
    async settlementWrites(held, settlement) {
      const after = afterSettlement(held.payment, settlement, clock())
      const also = await consequences(after, settlement, held.payment)
      return [paymentWrite(after, { version: held.version }), ...also]
    },
    vanishWrites({ payment, version }) {
      const after = vanished(payment, clock())
      return [
        paymentWrite(after, { version }),
        enqueue(reconcileJob(payment.id), clock() + CONFIRM_MS),
        ...follow('payment.vanished', after),
      ]
    },
    deliver(held, result) {
      const now = clock()
      const writes: Write[] = result
        ? [{ key: keys.result(held.payment.id), value: result, expiresAt: now + resultMs }]
        : []
      return conclude(held, 'payment.delivered', (payment) => delivered(payment, now), writes)
    },
    owe: (held) => conclude(held, 'payment.owed', owed),
    abandon: (held) => conclude(held, 'payment.abandoned', owed),
    release: (held) => conclude(held, null, owed),
  }
}

function paymentWrite(payment: Payment, condition: Write['if']): Write {
  return { key: keys.payment(payment.id), value: toJson(payment), ...(condition && { if: condition }) }
}

/** A payment is plain JSON already; these two mark where the store's types end and ours begin. */
const toJson = (payment: Payment): JsonObject => payment as unknown as JsonObject
const fromJson = (value: JsonObject): Payment => value as unknown as Payment
