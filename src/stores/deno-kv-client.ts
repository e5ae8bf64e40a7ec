import { sleep } from '../lib/deadline.ts'
import { invalidOption } from '../problems/error.ts'

/** The part of `Deno.Kv` that Coffer uses, so that neither building nor reading it needs the types of Deno. */
export interface DenoKv {
  /** At most 10 keys. */
  getMany(keys: readonly DenoKvKey[]): Promise<readonly DenoKvEntry[]>
  list(
    selector: { readonly start: DenoKvKey; readonly end: DenoKvKey },
    options: { readonly reverse: boolean; readonly batchSize: number },
  ): AsyncIterable<DenoKvEntry>
  atomic(): DenoKvCommit
  /** At most 10 keys. The first answer is how they are now. */
  watch(keys: readonly DenoKvKey[]): ReadableStream<readonly DenoKvEntry[]>
}

/** What `Deno.AtomicOperation` can do that Coffer uses. */
export interface DenoKvCommit {
  check(condition: { readonly key: DenoKvKey; readonly versionstamp: string | null }): unknown
  set(key: DenoKvKey, value: unknown, options?: { expireIn?: number }): unknown
  delete(key: DenoKvKey): unknown
  commit(): Promise<{ readonly ok: true; readonly versionstamp: string } | { readonly ok: false }>
}

/** A key of Coffer in Deno KV. Text is ordered by its UTF-8 bytes there too, and all text comes before all numbers. */
export type DenoKvKey = readonly (string | number)[]

/** What a key of Deno KV holds; `versionstamp` is `null` when that is nothing. */
export interface DenoKvEntry {
  readonly key: readonly unknown[]
  readonly value: unknown
  readonly versionstamp: string | null
}

/** Most keys that Deno KV reads, or watches, at once. */
export const KEYS_PER_READ = 10

/** How long a call waits for another process that writes to the same file. */
const BUSY_TIMEOUT_MS = 5000
const BUSY_WAIT_MS = 20

/**
 * Calls Deno KV, again and again while another process holds the lock of a database file: Deno does not wait for it. A
 * call that was refused for the lock has done nothing.
 */
export async function patiently<Result>(call: () => Promise<Result>): Promise<Result> {
  const until = Date.now() + BUSY_TIMEOUT_MS
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isLocked(error) || Date.now() > until) throw error
      await sleep(Math.random() * BUSY_WAIT_MS)
    }
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && error.message.includes('database is locked')
}

/**
 * Checks a database and the first part of all keys, and fills in the default of that.
 *
 * @throws CofferError `invalid-option`.
 */
export function readPrefix(kv: DenoKv, prefix = 'coffer'): string {
  if (typeof kv?.atomic !== 'function') invalidOption('kv', 'what Deno.openKv resolves to', kv)
  const isPrefix =
    prefix.length >= 1 && prefix.length <= 64 && prefix.isWellFormed() && !prefix.includes('\0')
  return isPrefix ? prefix : invalidOption('prefix', 'well-formed text of 1 to 64 characters', prefix)
}
