import type { Entry, Range, Store, Version, Write } from '../stores/store.ts'
import { check } from './check.ts'

/** How the parts of the store contract state a test. */
export interface StoreProver {
  describe(name: string, body: () => void): unknown
  /** One test with an empty store, and a clock that stands until the test moves it. */
  proves(name: string, body: (store: Store, time: { now: number }) => Promise<void>): void
}

/** Every key there can be. */
export const EVERYTHING: Range = { start: '', end: '\u{10ffff}' }

/** The live entry of a key, which must be there. */
export async function present(store: Store, key: string): Promise<Entry> {
  const entry = await store.get(key)
  check(entry !== null, `an entry of ${JSON.stringify(key)}`)
  return entry
}

/** Commits what must succeed. */
export async function committed(store: Store, ...writes: readonly Write[]): Promise<Version> {
  const version = await store.commit(writes)
  check(typeof version === 'string', 'the commit to succeed')
  return version
}

/** Commits what must be refused for a condition. */
export async function refused(store: Store, ...writes: readonly Write[]): Promise<void> {
  check((await store.commit(writes)) === null, 'the commit to be refused')
}

/** The keys of a list, in its order. */
export function keysOf(entries: readonly Entry[]): string[] {
  return entries.map((entry) => entry.key)
}
