import type { Clock } from '../lib/clock.ts'
import { sleep } from '../lib/deadline.ts'
import { toHex } from '../lib/hex.ts'
import type { Random } from '../lib/id.ts'
import { createTurns } from '../lib/turns.ts'
import { CofferError } from '../problems/error.ts'
import { scan } from '../stores/scan.ts'
import { prefixRange, type Store, type Write } from '../stores/store.ts'
import { type Attempt, attemptOf, attemptValue, isOpenState, weightOf } from './attempt.ts'
import { type Budget, type Tally, tallied, tallyOf, tallyValue, usedOf } from './budget.ts'
import { clientKeys } from './keys.ts'
import { type Cost, costOf, excess } from './limit.ts'

/** What an attempt is before it is in the journal. */
export type NewAttempt = Pick<Attempt, 'request' | 'key' | 'payment' | 'session'>

/** Why a payment would go beyond the budget. */
export interface OverBudget {
  /** Name of the limit: `total`. */
  readonly limit: string
  readonly expected: string
  readonly got: string
}

/**
 * The attempts of a client and what they cost, in a store. A state and the sums that it counts in are written in one
 * commit, so that payments that are made at once, in one process or many, cannot exceed a limit together.
 */
export interface Journal {
  /** Holds the price back and writes the attempt, before anything is signed. */
  reserve(draft: NewAttempt, cost: Cost, host: string): Promise<Attempt | OverBudget>
  /** Changes an attempt that is open; one that is not stays as it is. Returns what it is now. */
  update(id: string, change: (attempt: Attempt) => Attempt): Promise<Attempt>
  get(id: string): Promise<Attempt | null>
  /** Open attempts of a request, oldest first. */
  openOf(fingerprint: string): Promise<readonly Attempt[]>
  /** All open attempts. */
  open(): AsyncIterable<Attempt>
  /** All attempts of the last weeks, newest first, at most so many. */
  recent(limit: number): Promise<readonly Attempt[]>
  /** What counts in a row of the budget. */
  tally(key: string): Promise<Tally>
}

/** What {@link createJournal} stands on. */
export interface JournalOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly budget: Budget
  /** Name of this client, which holds the lease of what it works on. */
  readonly owner: string
}

/** How long attempts are kept that nothing can happen to any more. */
const KEPT_MS = 30 * 86_400_000

/** How long a lease holds. It is renewed while there is work. */
export const LEASE_MS = 20_000

/** How often a commit is tried when other processes write to the same rows. */
const TRIES = 200

/** Opens the journal in a store. */
export function createJournal({ store, clock, random, budget, owner }: JournalOptions): Journal {
  // Within a process one write waits for the other, so that only other processes can be in the way.
  const turns = createTurns()

  /** Tries until nobody was in between. */
  function inTurn<Result>(write: () => Promise<Result | null>): Promise<Result> {
    return turns('journal', async () => {
      for (let tries = 1; tries <= TRIES; tries++) {
        const result = await write()
        if (result !== null) return result
        await sleep(Math.random() * Math.min(tries, 20))
      }
      throw new CofferError('store-failed', 'too many processes write to the journal in the same moment')
    })
  }

  async function get(id: string): Promise<Attempt | null> {
    const entry = await store.get(clientKeys.attempt(id))
    return entry && attemptOf(entry.value)
  }

  /** The rows of the budget after a change of what an attempt counts as. */
  async function tallyWrites(
    scopes: Attempt['scopes'],
    change: (tally: Tally, index: number) => Tally,
  ): Promise<Write[]> {
    const entries = await Promise.all(scopes.map(({ key }) => store.get(key)))
    return scopes.map(({ key, expiresAt }, at) => {
      const entry = entries[at] ?? null
      return {
        key,
        value: tallyValue(change(tallyOf(entry?.value ?? null), at)),
        if: entry === null ? 'absent' : { version: entry.version },
        ...(expiresAt !== null && { expiresAt }),
      }
    })
  }

  return {
    get,

    reserve: (draft, cost, host) =>
      inTurn(async () => {
        const now = clock()
        const scopes = budget.scopes(host, now)
        let over: OverBudget | null = null
        const tallies = await tallyWrites(scopes, (tally, at) => {
          const { name, limit } = scopes[at] ?? {}
          const beyond = limit ? excess(limit, cost, usedOf(tally, cost)) : null
          if (beyond !== null) over ??= { limit: name ?? '', ...beyond }
          return tallied(tally, 'held', cost, 1n)
        })
        if (over !== null) return over
        const attempt: Attempt = {
          ...draft,
          id: attemptId(now, random),
          state: 'reserved',
          createdAt: now,
          resolvedAt: null,
          credential: null,
          evidence: null,
          transaction: null,
          note: 'Nothing is signed yet.',
          scopes: scopes.map(({ key, expiresAt }) => ({ key, expiresAt })),
          lease: { owner, until: now + LEASE_MS },
        }
        const written = await store.commit([
          { key: clientKeys.attempt(attempt.id), value: attemptValue(attempt), if: 'absent' },
          { key: clientKeys.open(draft.request.fingerprint, attempt.id), value: {} },
          ...tallies,
        ])
        return written === null ? null : attempt
      }),

    update: (id, change) =>
      inTurn(async () => {
        const key = clientKeys.attempt(id)
        const entry = await store.get(key)
        if (entry === null) throw new CofferError('invalid-state', `there is no attempt ${id}`)
        const before = attemptOf(entry.value)
        const changed = isOpenState(before.state) ? change(before) : before
        if (changed === before) return before
        const now = clock()
        const isOpen = isOpenState(changed.state)
        const after = isOpen ? changed : { ...changed, resolvedAt: now, lease: null }
        const written = await store.commit([
          {
            key,
            value: attemptValue(after),
            if: { version: entry.version },
            ...(!isOpen && { expiresAt: now + KEPT_MS }),
          },
          ...(isOpen ? [] : [{ key: clientKeys.open(after.request.fingerprint, id), value: null }]),
          ...(await weightWrites(before, after)),
        ])
        return written === null ? null : after
      }),

    async openOf(fingerprint) {
      const found: Attempt[] = []
      for await (const { key } of scan(store, prefixRange(clientKeys.openOf(fingerprint)))) {
        const attempt = await get(idOf(key))
        if (attempt !== null && isOpenState(attempt.state)) found.push(attempt)
      }
      return found
    },

    async *open() {
      for await (const { key } of scan(store, prefixRange(clientKeys.allOpen))) {
        const attempt = await get(idOf(key))
        if (attempt !== null && isOpenState(attempt.state)) yield attempt
      }
    },

    async recent(limit) {
      const page = { limit, reverse: true }
      const entries = await store.list(prefixRange(clientKeys.attempts), page)
      return entries.map(({ value }) => attemptOf(value))
    },

    tally: async (key) => tallyOf((await store.get(key))?.value ?? null),
  }

  /** An attempt that is not held back any more counts as spent, or not at all. */
  async function weightWrites(before: Attempt, after: Attempt): Promise<Write[]> {
    const [from, to] = [weightOf(before.state), weightOf(after.state)]
    if (from === to) return []
    const cost = costOfAttempt(after)
    return tallyWrites(after.scopes, (tally) => {
      const without = from === null ? tally : tallied(tally, from, cost, -1n)
      return to === null ? without : tallied(without, to, cost, 1n)
    })
  }
}

function costOfAttempt({ payment }: Attempt): Cost {
  const { network, asset, decimals, units, usd } = payment
  return costOf({ network, address: asset, decimals, isDollar: usd !== null }, BigInt(units))
}

/** In order of time, and drawn at random within a millisecond. */
function attemptId(now: number, random: Random): string {
  return `att_${now.toString(16).padStart(12, '0')}${toHex(random(12)).slice(2)}`
}

/** The id at the end of a key. */
function idOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1)
}
