import { compareUtf8 } from '../lib/bytes.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { Json, JsonObject } from '../lib/json.ts'
import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { checkKey, checkPage, checkWrites, conditionsHold, valueTexts } from './rules.ts'
import type { Entry, Store } from './store.ts'

/** Options of {@link memory}. */
export interface MemoryOptions {
  /** Decides what has expired. Default: the machine's clock. */
  readonly clock?: Clock
}

/** How many keys each write looks at for one that has expired. */
const SWEPT_PER_WRITE = 8

interface Row {
  /** Of its own: writers keep theirs, and every reader gets a copy. */
  readonly value: JsonObject
  readonly version: string
  readonly expiresAt: number
}

/**
 * A store in this process's memory: for tests, development and whatever may be forgotten at a restart. One process
 * only, so it does not protect two instances of a server from the same credential.
 *
 * Expired entries are absent at once. Their memory is freed by later commits: every write looks at the next 8 keys in
 * turn, so there is no timer and no commit that pays for all.
 */
export function memory(options: MemoryOptions = {}): Store {
  refuseUnknownOptions(options, ['clock'], 'memory')
  const clock = options.clock ?? systemClock
  const rows = new Map<string, Row>()
  /** The keys of `rows` in order. */
  const order: string[] = []
  let commits = 0
  let sweptUntil = 0
  let closed = false

  return {
    async get(key) {
      checkOpen()
      checkKey(key)
      const row = live(key, clock())
      return row === null ? null : entryOf(key, row)
    },

    async list(range, page) {
      checkOpen()
      const { limit, reverse } = checkPage(range, page)
      const now = clock()
      const keys = order.slice(position(range.start), position(range.end))
      if (reverse) keys.reverse()
      const entries: Entry[] = []
      for (const key of keys) {
        const row = live(key, now)
        if (row !== null) entries.push(entryOf(key, row))
        if (entries.length === limit) break
      }
      return entries
    },

    async commit(writes) {
      checkOpen()
      checkWrites(writes)
      const texts = valueTexts(writes)
      const now = clock()
      if (!conditionsHold(writes, (key) => live(key, now)?.version ?? null)) return null
      const version = String(++commits)
      for (const [at, { key, expiresAt = Infinity }] of writes.entries()) {
        const text = texts[at] ?? null
        if (text === null) remove(key)
        else put(key, { value: JSON.parse(text), version, expiresAt })
      }
      sweep(now, writes.length * SWEPT_PER_WRITE)
      return version
    },

    async close() {
      closed = true
      rows.clear()
      order.length = 0
    },
  }

  function checkOpen(): void {
    if (closed) throw new CofferError('invalid-state', 'the store is closed')
  }

  function live(key: string, now: number): Row | null {
    const row = rows.get(key)
    return row !== undefined && row.expiresAt > now ? row : null
  }

  function put(key: string, row: Row): void {
    if (!rows.has(key)) order.splice(position(key), 0, key)
    rows.set(key, row)
  }

  function remove(key: string): void {
    if (rows.delete(key)) order.splice(position(key), 1)
  }

  /** Index in `order` of the first key that is not before the given one. */
  function position(key: string): number {
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareUtf8(order[middle] ?? '', key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  function sweep(now: number, count: number): void {
    for (let looked = 0; looked < count; looked++) {
      if (sweptUntil >= order.length) sweptUntil = 0
      const key = order[sweptUntil]
      if (key === undefined) return
      if (live(key, now) === null) remove(key)
      else sweptUntil++
    }
  }
}

function entryOf(key: string, row: Row): Entry {
  return { key, value: copyOf(row.value), version: row.version }
}

/** Five times as fast as from text. */
function copyOf<Value extends Json>(value: Value): Value
function copyOf(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => copyOf(item))
  const copy: Record<string, Json> = { ...(value as JsonObject) }
  for (const key of Object.keys(copy)) {
    const member = copy[key]
    if (typeof member === 'object') copy[key] = copyOf(member)
  }
  return copy
}
