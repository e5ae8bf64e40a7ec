import { concatBytes } from '../lib/body.ts'
import { fromUtf8, utf8 } from '../lib/bytes.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { CofferError } from '../problems/error.ts'
import { type DenoKv, type DenoKvEntry, type DenoKvKey, KEYS_PER_READ, patiently } from './deno-kv-client.ts'
import type { Version } from './store.ts'

/** What Deno KV holds of an entry, which may have expired. */
export interface Row {
  readonly key: string
  readonly version: Version
  /** Which commit wrote it. */
  readonly by: string
  /** Epoch milliseconds; `Infinity` for never. */
  readonly expiresAt: number
  /** `null` when it stands in parts. */
  readonly value: JsonObject | null
  /** How many parts the value stands in. */
  readonly parts: number
}

/** An entry as it is about to be written. */
export interface NewRow {
  /** What the key of the entry will hold. */
  readonly head: Uint8Array
  /** What does not fit into it. */
  readonly parts: readonly Uint8Array[]
}

/** How entries stand in Deno KV: where, and as which bytes. */
export interface Rows {
  keyOf(key: string): DenoKvKey
  read(keys: readonly string[]): Promise<ReadonlyMap<string, Row>>
  parse(entry: DenoKvEntry): Row | null
  /** Puts a value together from its parts; `null` when they are gone, because another commit has replaced them. */
  wholeOf(row: Row): Promise<JsonObject | null>
  /** Writes the parts of a value; nobody sees them before the commit that names them. */
  writeParts(by: string, key: string, parts: readonly Uint8Array[], expiry: Expiry): Promise<void>
  /** Never fails: what it leaves takes up room until it expires, and is not seen. */
  deleteParts(by: string, key: string, count: number): Promise<void>
  /** For the entry that ends at an instant. */
  expiryOf(expiresAt?: number): Expiry
}

/** When Deno KV may free the space of something. */
type Expiry = { expireIn?: number }

/** Largest value of Deno KV. */
const MAX_VALUE_BYTES = 64 * 1024

/**
 * How long entries stay in the database after they have expired. Deno KV frees them by its own clock, which may be ahead
 * of ours; what counts is the instant that stands in the entry.
 */
const FREED_AFTER_MS = 10 * 60_000
const CENTURY_MS = 100 * 365 * 86_400_000

/** Cuts what is to be written into values that Deno KV takes. */
export function newRow(text: string, by: string, expiresAt: number | undefined): NewRow {
  const end = expiresAt === undefined ? '' : `,"expiresAt":${expiresAt}`
  const head = utf8(`{"by":"${by}"${end},"value":${text}}`)
  if (head.length <= MAX_VALUE_BYTES) return { head, parts: [] }
  const bytes = utf8(text)
  const parts = Array.from({ length: Math.ceil(bytes.length / MAX_VALUE_BYTES) }, (_, n) =>
    bytes.subarray(n * MAX_VALUE_BYTES, (n + 1) * MAX_VALUE_BYTES),
  )
  return { head: utf8(`{"by":"${by}"${end},"parts":${parts.length}}`), parts }
}

/** Opens what a store has under a prefix. */
export function createRows(kv: DenoKv, prefix: string, clock: Clock): Rows {
  const keyOf = (key: string): DenoKvKey => [prefix, 'entry', key]

  function partKeys(by: string, key: string, count: number): DenoKvKey[] {
    return Array.from({ length: count }, (_, n) => [prefix, 'part', by, key, n])
  }

  async function getAll(keys: readonly DenoKvKey[]): Promise<readonly DenoKvEntry[]> {
    const entries: DenoKvEntry[] = []
    for (const some of inTens(keys)) entries.push(...(await patiently(() => kv.getMany(some))))
    return entries
  }

  function parse({ key, value: stored, versionstamp }: DenoKvEntry): Row | null {
    if (versionstamp === null) return null
    const name = key.at(-1)
    const { by, expiresAt = Infinity, value = null, parts = 0 } = parseBytes(stored)
    if (typeof name !== 'string' || typeof by !== 'string') throw notOurs()
    if (typeof expiresAt !== 'number' || typeof parts !== 'number') throw notOurs()
    if (value !== null && !isJsonObject(value)) throw notOurs()
    return { key: name, version: versionstamp, by, expiresAt, value, parts }
  }

  return {
    keyOf,
    parse,

    async read(keys) {
      const rows = (await getAll(keys.map(keyOf))).map(parse).filter((row) => row !== null)
      return new Map(rows.map((row) => [row.key, row]))
    },

    async wholeOf({ value, by, key, parts }) {
      if (value !== null) return value
      const entries = await getAll(partKeys(by, key, parts))
      const chunks = entries.map((entry) => entry.value).filter((chunk) => chunk instanceof Uint8Array)
      if (chunks.length < parts) return null
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      return parseBytes(concatBytes(chunks, length))
    },

    async writeParts(by, key, parts, expiry) {
      const named = partKeys(by, key, parts.length).map((partKey, n) => [partKey, parts[n]] as const)
      for (const some of inTens(named)) {
        await patiently(() => {
          const commit = kv.atomic()
          for (const [partKey, part] of some) commit.set(partKey, part, expiry)
          return commit.commit()
        })
      }
    },

    async deleteParts(by, key, count) {
      for (const some of inTens(partKeys(by, key, count))) {
        const commit = kv.atomic()
        for (const partKey of some) commit.delete(partKey)
        await commit.commit().catch(() => {})
      }
    },

    expiryOf(expiresAt = Infinity) {
      const left = Math.max(0, Math.ceil(expiresAt - clock())) + FREED_AFTER_MS
      return left > CENTURY_MS ? {} : { expireIn: left }
    },
  }
}

/** As many as Deno KV reads at once; ten values are also less than it takes in a commit. */
function* inTens<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += KEYS_PER_READ) yield items.slice(at, at + KEYS_PER_READ)
}

function parseBytes(stored: unknown): JsonObject {
  const text = stored instanceof Uint8Array ? fromUtf8(stored) : null
  const value: unknown = text === null ? null : JSON.parse(text)
  if (!isJsonObject(value)) throw notOurs()
  return value
}

function notOurs(): CofferError {
  return new CofferError('store-failed', 'Deno KV holds something under the prefix that Coffer did not write')
}
