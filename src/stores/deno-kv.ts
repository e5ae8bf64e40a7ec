import { compareUtf8 } from '../lib/bytes.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { type DenoKv, patiently, readPrefix } from './deno-kv-client.ts'
import { createCommit } from './deno-kv-commit.ts'
import { createRows, type Row } from './deno-kv-rows.ts'
import { checkKey, checkPage, checkWrites } from './rules.ts'
import type { Entry, Store, Version } from './store.ts'

/** Options of {@link denoKv}. */
export interface DenoKvOptions {
  /** First part of every key, so that the database can hold other things too; 1 to 64 characters. Default `coffer`. */
  readonly prefix?: string
  /** Decides what has expired. Default: the machine's clock. */
  readonly clock?: Clock
}

/** Most entries that are read at once. */
const BATCH = 500

/**
 * A store in Deno KV: in a file (`Deno.openKv('coffer.kv')`), or in a database that many processes share, as on Deno
 * Deploy. All reads are strongly consistent.
 *
 * A commit is one round trip when its conditions all say `absent`, else two, and one more for every ten keys with a
 * version. Values above 64 KiB stand in parts, which are written ahead of the commit that names them. A commit with more
 * than 800 KiB, or with keys of more than 80 KiB, rejects with `invalid-option`.
 *
 * @param kv - Stays open when the store is closed: it is yours.
 */
export function denoKv(kv: DenoKv, options: DenoKvOptions = {}): Store {
  refuseUnknownOptions(options, ['prefix', 'clock'], 'denoKv')
  const clock = options.clock ?? systemClock
  const rows = createRows(kv, readPrefix(kv, options.prefix), clock)
  const commit = createCommit(kv, rows, clock)
  let closed = false

  return {
    async get(key) {
      checkOpen()
      checkKey(key)
      return attempt('read', () => find(key))
    },

    async list(range, page) {
      checkOpen()
      const { limit, reverse } = checkPage(range, page)
      // Such a range is an error to Deno KV.
      if (compareUtf8(range.start, range.end) >= 0) return []
      return attempt('read', async () => {
        const entries: Entry[] = []
        for (const row of await patiently(() => liveRows(range.start, range.end, limit, reverse))) {
          const entry = (await entryOf(row)) ?? (await find(row.key))
          if (entry !== null) entries.push(entry)
        }
        return entries
      })
    },

    async commit(writes) {
      checkOpen()
      checkWrites(writes)
      return attempt('commit', () => commit(writes))
    },

    async close() {
      closed = true
    },
  }

  function checkOpen(): void {
    if (closed) throw new CofferError('invalid-state', 'the store is closed')
  }

  async function find(key: string): Promise<Entry | null> {
    for (let last: Version | null = null; ; ) {
      const row = (await rows.read([key])).get(key) ?? null
      if (row === null || row.expiresAt <= clock()) return null
      const entry = await entryOf(row)
      if (entry !== null) return entry
      if (row.version === last) throw new CofferError('store-failed', 'Deno KV has lost a part of a value')
      last = row.version
    }
  }

  /** `null` when the row has been replaced since it was read, and its parts are gone. */
  async function entryOf(row: Row): Promise<Entry | null> {
    const value = await rows.wholeOf(row)
    return value && { key: row.key, value, version: row.version }
  }

  async function liveRows(start: string, end: string, limit: number, reverse: boolean): Promise<Row[]> {
    const now = clock()
    const selector = { start: rows.keyOf(start), end: rows.keyOf(end) }
    const found: Row[] = []
    for await (const entry of kv.list(selector, { reverse, batchSize: Math.min(limit, BATCH) })) {
      const row = rows.parse(entry)
      if (row !== null && row.expiresAt > now) found.push(row)
      if (found.length === limit) break
    }
    return found
  }
}

/** Turns what Deno KV throws into the error that callers switch on. */
async function attempt<Result>(what: string, operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (cause) {
    if (cause instanceof CofferError) throw cause
    throw new CofferError('store-failed', `Deno KV could not ${what}`, { cause })
  }
}
