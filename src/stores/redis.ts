import { encodeBase64url } from '../lib/base64.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { systemRandom } from '../lib/id.ts'
import { isJsonObject } from '../lib/json.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { type IoRedis, type NodeRedis, redisScript } from './redis-client.ts'
import { COMMIT, GET, INSPECT, LIST } from './redis-scripts.ts'
import { checkKey, checkPage, checkWrites, valueTexts } from './rules.ts'
import type { Entry, Store, Write } from './store.ts'

/** Options of {@link redis}. */
export interface RedisOptions {
  /**
   * Begins every key, in braces: `{coffer}:entries`. Stores with different prefixes share a server and nothing else. 1 to
   * 64 characters without braces. Default `coffer`.
   */
  readonly prefix?: string
  /**
   * Whether to refuse a server without an append-only file, which forgets payments when it ends. Default true. Say `false`
   * for a service that keeps its data in another way, and in tests.
   */
  readonly requireAppendOnly?: boolean
  /** Decides what has expired. Default: the machine's clock. */
  readonly clock?: Clock
}

/** Types of the three keys. */
const TYPES = ['hash', 'zset', 'zset']

/** How many expired entries each write may free. */
const FREED_PER_WRITE = 8

/** How long a commit is remembered. Longer than anybody waits for its answer. */
const REMEMBERED_MS = 60_000

/**
 * A store in Redis 6 or newer, or Valkey, for any number of processes: on one server, on one with replicas, or in a
 * cluster, where all keys of a store are in one slot.
 *
 * Every call is one round trip. A commit is a script, and as safe as the server's append-only file makes it: with
 * `appendfsync always` it is on the disk when it resolves, with `everysec` a power cut undoes the last second or two.
 * Replicas follow later, so a fail-over undoes what the new primary has not seen yet. Keep money in a store that forgets
 * nothing if that is too much.
 *
 * A call that is not answered within 10 seconds rejects with `store-failed`. So does the first one, and every one after
 * it, of a server that may evict keys, or has no append-only file. Expired entries are absent at once; later commits free
 * their memory, at most 8 for each write.
 *
 * @param client - Connected client of `redis` or `ioredis`. Stays open when the store is closed: it is yours.
 */
export function redis(client: NodeRedis | IoRedis, options: RedisOptions = {}): Store {
  refuseUnknownOptions(options, ['prefix', 'requireAppendOnly', 'clock'], 'redis')
  const { requireAppendOnly = true, clock = systemClock } = options
  const prefix = `{${readPrefix(options.prefix)}}`
  const keys = [`${prefix}:entries`, `${prefix}:order`, `${prefix}:expiring`]
  const run = {
    inspect: redisScript(client, INSPECT),
    get: redisScript(client, GET),
    list: redisScript(client, LIST),
    commit: redisScript(client, COMMIT),
  }
  let inspection: Promise<void> | null = null
  let closed = false

  return {
    async get(key) {
      checkOpen()
      checkKey(key)
      await inspected()
      const answer = await run.get(keys, [key])
      const row = answer === null ? null : readRow(answer)
      return row !== null && row.expiresAt > clock() ? entryOf(key, row) : null
    },

    async list(range, page) {
      checkOpen()
      const { limit, reverse } = checkPage(range, page)
      await inspected()
      const answer = await run.list(keys, [range.start, range.end, limit, reverse ? 1 : 0, clock()])
      const found = readTexts(answer)
      return found.flatMap((key, at) => (at % 2 === 0 ? [entryOf(key, readRow(found[at + 1]))] : []))
    },

    async commit(writes) {
      checkOpen()
      checkWrites(writes)
      const texts = valueTexts(writes)
      await inspected()
      // Not a counter: after a fail-over it would give versions again that somebody still holds.
      const version = encodeBase64url(systemRandom(12))
      const changes = writes.flatMap((write, at) => [
        write.key,
        conditionOf(write),
        write.expiresAt ?? '-',
        texts[at] ?? '',
      ])
      const settings = [version, REMEMBERED_MS, clock(), writes.length * FREED_PER_WRITE]
      const answer = await run.commit([...keys, `${prefix}:commit:${version}`], [...settings, ...changes])
      return answer === version ? version : null
    },

    async close() {
      closed = true
    },
  }

  function checkOpen(): void {
    if (closed) throw new CofferError('invalid-state', 'the store is closed')
  }

  /** Looks at the server once; until that has succeeded, every call tries. */
  function inspected(): Promise<void> {
    inspection ??= inspect().catch((error) => {
      inspection = null
      throw error
    })
    return inspection
  }

  async function inspect(): Promise<void> {
    const [persistence = '', memory = '', ...types] = readTexts(await run.inspect(keys, []))
    if (types.some((type, at) => type !== 'none' && type !== TYPES[at])) {
      throw new CofferError('store-failed', `Redis holds something under ${prefix} that Coffer did not write`)
    }
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]
    if (policy !== undefined && policy !== 'noeviction') {
      throw new CofferError(
        'store-failed',
        `Redis may evict payments to make room (maxmemory-policy ${policy}): set it to noeviction`,
      )
    }
    if (requireAppendOnly && !/^aof_enabled:1/m.test(persistence)) {
      const what = persistence === '' ? 'may not be asked for its' : 'has no'
      throw new CofferError(
        'store-failed',
        `Redis ${what} append-only file, without which it forgets payments: set appendonly to yes ` +
          '(or requireAppendOnly to false, when its data are kept in another way)',
      )
    }
  }
}

/** An entry as it stands in Redis, with the text of its value. */
interface Row {
  readonly version: string
  readonly expiresAt: number
  readonly text: string
}

function readRow(row: unknown): Row {
  const [, version, expiry, text] = (typeof row === 'string' && /^(\S+) (\S+) (.*)$/s.exec(row)) || []
  if (version === undefined || expiry === undefined || text === undefined) throw notOurs()
  return { version, expiresAt: expiry === '-' ? Infinity : Number(expiry), text }
}

function entryOf(key: string, { text, version }: Row): Entry {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw notOurs()
  return { key, value, version }
}

function readTexts(answer: unknown): readonly string[] {
  if (!Array.isArray(answer) || !answer.every((text) => typeof text === 'string')) throw notOurs()
  return answer
}

function notOurs(): CofferError {
  return new CofferError('store-failed', 'Redis, or its client, has answered what Coffer did not write')
}

/** A condition as the script wants it. */
function conditionOf({ if: condition }: Write): string {
  if (condition === undefined) return ''
  return condition === 'absent' ? 'absent' : `=${condition.version}`
}

/** @throws CofferError `invalid-option`. */
function readPrefix(prefix = 'coffer'): string {
  const isPrefix = /^[^{}\0]{1,64}$/u.test(prefix) && prefix.isWellFormed()
  return isPrefix ? prefix : invalidOption('prefix', 'text of 1 to 64 characters without braces', prefix)
}
