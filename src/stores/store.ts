import type { JsonObject } from '../lib/json.ts'

/**
 * Ordered, strongly consistent keys with atomic commits: the whole of what Coffer asks of a database. The model is
 * an etcd transaction. A backend that cannot commit atomically cannot be a store.
 *
 * Keys are non-empty well-formed text of at most 512 UTF-8 bytes without U+0000, which not every database can hold;
 * they are ordered by their UTF-8 bytes. Values are JSON objects, whose text is well-formed and without U+0000; a store
 * keeps no reference to what goes in or out, and may change the order of members. Calls that break a rule of this page
 * reject with CofferError `invalid-option`, calls after `close` with `invalid-state`.
 *
 * Every store takes commits of 250 writes, 100 of them with a condition, whose keys are 64 KiB and whose values 512 KiB of
 * JSON text together; and one value of 1.5 MiB besides, as a kept answer of 1 MiB is. More writes are refused, and larger
 * values may be.
 */
export interface Store {
  /** The live entry of a key; `null` when there is none or it has expired. */
  get(key: string): Promise<Entry | null>
  /** Live entries of a range in key order. */
  list(range: Range, page?: Page): Promise<readonly Entry[]>
  /**
   * Applies all writes, or none when a condition does not hold.
   *
   * @returns The version that every written entry has now, or `null` when a condition did not hold.
   * @throws CofferError `store-failed` when the outcome is not known.
   */
  commit(writes: readonly Write[]): Promise<Version | null>
  /** Frees what the store holds open. The store is unusable afterwards; closing it again does nothing. */
  close(): Promise<void>
}

/** Opaque; differs for every commit that wrote the key. Compare for equality only. */
export type Version = string

/** What a key holds. */
export interface Entry {
  readonly key: string
  readonly value: JsonObject
  readonly version: Version
}

/**
 * Keys from `start` (included) to `end` (not included), by their UTF-8 bytes. Both are well-formed text without U+0000.
 * The page after an entry starts at `key + '\u0001'`; backwards, it ends at `key`.
 */
export interface Range {
  readonly start: string
  readonly end: string
}

/** Which part of a range to read. */
export interface Page {
  /** At most this many entries, 1 to 1000. Default 100. */
  readonly limit?: number
  /** Last key first. Default false. */
  readonly reverse?: boolean
}

/** One change within a commit. A key may stand in a commit once. */
export interface Write {
  readonly key: string
  /** The new value; `null` deletes. */
  readonly value: JsonObject | null
  /** Condition on the entry as it is before the commit. An expired entry is absent. Default: none. */
  readonly if?: 'absent' | { readonly version: Version }
  /** When the entry ceases to exist, epoch milliseconds, a whole number. Default: never. */
  readonly expiresAt?: number
}

/** The range of all keys that begin with a prefix. The prefix ends with an ASCII character below `~`. */
export function prefixRange(prefix: string): Range {
  const last = prefix.charCodeAt(prefix.length - 1)
  return { start: prefix, end: prefix.slice(0, -1) + String.fromCharCode(last + 1) }
}
