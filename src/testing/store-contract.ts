import type { Clock } from '../lib/clock.ts'
import type { Store } from '../stores/store.ts'
import { proveCommits } from './store-commits.ts'
import { proveEntries } from './store-entries.ts'
import type { StoreProver } from './store-prover.ts'
import { proveRanges } from './store-ranges.ts'

/** The two functions of a test runner that a contract needs: those of vitest, `node:test`, `bun:test`, … */
export interface ContractRunner {
  describe(name: string, body: () => void): unknown
  it(name: string, body: () => Promise<void>): unknown
}

/** Makes an empty store that takes the time from `clock`. The contract closes it after one test. */
export type StoreFactory = (clock: Clock) => Store | Promise<Store>

/**
 * Proves that a store does what {@link Store} says, one test for each promise, races included.
 *
 * @example
 * ```ts
 * import { describe, it } from 'vitest'
 * import { storeContract } from 'coffer/testing'
 *
 * storeContract({ describe, it }, (clock) => myStore({ clock }))
 * ```
 */
export function storeContract({ describe, it }: ContractRunner, factory: StoreFactory): void {
  const proves: StoreProver['proves'] = (name, body) => {
    it(name, async () => {
      const time = { now: Date.now() }
      const store = await factory(() => time.now)
      try {
        await body(store, time)
      } finally {
        await store.close()
      }
    })
  }
  const prover: StoreProver = { describe, proves }
  proveEntries(prover)
  proveCommits(prover)
  proveRanges(prover)
}
