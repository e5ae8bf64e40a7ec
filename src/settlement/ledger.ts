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
} from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import { keys } from '../stores/keys.ts'
import type { Store, Version, Write } from '../stores/store.ts'

/** A payment as it was read or written last. A transition succeeds only from the version it holds. */
export interface Held {
  readonly payment: Payment
  readonly version: Version
}

/** The book of payments. Every method that changes something is one commit. */
export interface Ledger {
  /** Takes the proofs for this payment; `null` when any of them is spent already. */
  claim(payment: NewPayment): Promise<Held | null>
  /** The payment that this very credential made. */
  find(credentialHash: string): Promise<Held | null>
  /** Works on a payment that nobody works on: `null` when somebody else was faster. */
  lease(held: Held): Promise<Held | null>
  /** Writes down how the settlement ended. A settled payment stays leased, for its handler to run. */
  settle(held: Held, settlement: Settlement): Promise<Held | null>
  /** The handler answered: `null` when the lease was lost meanwhile. */
  deliver(held: Held): Promise<Held | null>
  /** The handler did not deliver: the payer may come back. */
  owe(held: Held): Promise<Held | null>
}

/** What a {@link Ledger} stands on. */
export interface LedgerOptions {
  readonly store: Store
  readonly clock: Clock
  /** How long a settlement or a handler may work before its payment counts as abandoned, milliseconds. */
  readonly leaseMs: number
}

/** Opens the book. */
export function createLedger({ store, clock, leaseMs }: LedgerOptions): Ledger {
  const leaseUntil = (): number => clock() + leaseMs

  async function commit(payment: Payment, condition: Write['if'], indexes: readonly string[] = []): Promise<Held | null> {
    const version = await store.commit([
      { key: keys.payment(payment.id), value: toJson(payment), ...(condition && { if: condition }) },
      ...indexes.map((key): Write => ({ key, value: { payment: payment.id }, if: 'absent' })),
    ])
    return version === null ? null : { payment, version }
  }

  const transition = (held: Held, payment: Payment): Promise<Held | null> =>
    commit(payment, { version: held.version })

  return {
    claim(payment) {
      const indexes = [...payment.proofs.map(keys.proof), keys.credential(payment.credentialHash)]
      return commit(claimed(payment, clock(), leaseUntil()), 'absent', indexes)
    },
    async find(credentialHash) {
      const index = await store.get(keys.credential(credentialHash))
      if (index === null) return null
      const entry = await store.get(keys.payment(String(index.value['payment'])))
      return entry && { payment: fromJson(entry.value), version: entry.version }
    },
    lease: (held) => transition(held, leased(held.payment, leaseUntil())),
    settle: (held, settlement) =>
      transition(held, afterSettlement(held.payment, settlement, clock(), leaseUntil())),
    deliver: (held) => transition(held, delivered(held.payment, clock())),
    owe: (held) => transition(held, owed(held.payment)),
  }
}

/** A payment is plain JSON already; these two mark where the store's types end and ours begin. */
const toJson = (payment: Payment): JsonObject => payment as unknown as JsonObject
const fromJson = (value: JsonObject): Payment => value as unknown as Payment
