import { type Clock, systemClock } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import {
  attempt,
  identifier,
  type PostgresClient,
  type Row,
  runnerOf,
  sqlState,
  type Value,
} from './postgres-client.ts'
import { openSchema } from './postgres-schema.ts'
import { checkKey, checkPage, checkWrites, valueTexts } from './rules.ts'
import type { Entry, Store, Write } from './store.ts'

/** Options of {@link postgres}. */
export interface PostgresOptions {
  /** Schema that the tables, functions and views are in. Default `public`. */
  readonly schema?: string
  /**
   * Whether the first call makes what is missing in the database. Default true; with false that is left to
   * `migratePostgres`, by a role that may, and an incomplete database is refused.
   */
  readonly migrate?: boolean
  /** Decides what has expired. Default: the machine's clock. */
  readonly clock?: Clock
}

/** How many expired rows each write may free. */
const FREED_PER_WRITE = 8

/**
 * Serialisation failure and deadlock: the statement was undone for sure. Commits do not cause them among themselves; what
 * else is at work in the database can. After any other failure nobody knows, and trying again could answer wrongly.
 */
const UNDONE: ReadonlySet<string | null> = new Set(['40001', '40P01'])

/** How often a statement is tried. */
const TRIES = 5

/**
 * A store in Postgres 13 or newer, for any number of processes. Every call is one round trip, and one more at the first.
 *
 * A commit is on the disk of the server when it resolves, and on those of its synchronous standbys. Commits wait for each
 * other when they write the same keys. Expired entries are absent at once; their rows are freed by later commits, at most
 * 8 for each write, without a timer. `close` leaves the client open: it is its owner's.
 *
 * @param client - Must talk to the primary, and each statement must be a transaction of its own: a pool.
 * @throws CofferError `invalid-option` for what is no client, or a bad option. Calls reject with `store-failed` when the
 * database cannot be used: also when it was made by a newer Coffer, or may not be migrated.
 */
export function postgres(client: PostgresClient, options: PostgresOptions = {}): Store {
  refuseUnknownOptions(options, ['schema', 'migrate', 'clock'], 'postgres')
  const { clock = systemClock, migrate = true } = options
  const schema = identifier('schema', options.schema ?? 'public')
  const run = runnerOf(client)
  let opening: Promise<void> | null = null
  let closed = false

  function call(what: string, text: string, ...values: Value[]): Promise<readonly Row[]> {
    return attempt(what, async () => {
      await open()
      for (let tries = 1; ; tries++) {
        try {
          return await run(text, ...values)
        } catch (error) {
          if (tries === TRIES || !UNDONE.has(sqlState(error))) throw error
        }
      }
    })
  }

  /** Once; after a failure, such as a server that is not up yet, again. */
  function open(): Promise<void> {
    opening ??= openSchema(run, schema, migrate).catch((error: unknown) => {
      opening = null
      throw error
    })
    return opening
  }

  function checkOpen(): void {
    if (closed) throw new CofferError('invalid-state', 'the store is closed')
  }

  return {
    async get(key) {
      checkOpen()
      checkKey(key)
      const [row] = await call('read', `SELECT * FROM ${schema}.coffer_get($1, $2)`, key, clock())
      return row === undefined ? null : entryOf({ ...row, key })
    },

    async list(range, page) {
      checkOpen()
      const { limit, reverse } = checkPage(range, page)
      const text = `SELECT * FROM ${schema}.coffer_list($1, $2, $3, $4, $5)`
      const rows = await call('read', text, range.start, range.end, clock(), limit, reverse)
      return rows.map(entryOf)
    },

    async commit(writes) {
      checkOpen()
      checkWrites(writes)
      const input = inputOf(writes)
      const freed = writes.length * FREED_PER_WRITE
      const text = `SELECT ${schema}.coffer_commit($1, $2, $3) AS version`
      const [row] = await call('commit', text, input, clock(), freed)
      const version = row?.['version']
      return typeof version === 'string' ? version : null
    },

    async close() {
      closed = true
    },
  }
}

/** A commit as one JSON text, so that no driver has to know the types of its parts. */
function inputOf(writes: readonly Write[]): string {
  const values = valueTexts(writes)
  const parts = writes.map(({ key, if: condition, expiresAt }, at) => {
    const value = values[at] ?? null
    const members = [
      `"key":${JSON.stringify(key)}`,
      ...(value === null ? [] : [`"value":${value}`]),
      ...(condition === 'absent' ? ['"absent":true'] : []),
      ...(typeof condition === 'object' ? [`"version":${JSON.stringify(condition.version)}`] : []),
      ...(expiresAt === undefined ? [] : [`"expires_at":${expiresAt}`]),
    ]
    return `{${members.join(',')}}`
  })
  return `[${parts.join(',')}]`
}

function entryOf({ key, value, version }: Row): Entry {
  const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : null
  if (typeof key !== 'string' || typeof version !== 'string' || !isJsonObject(parsed)) {
    throw new CofferError('store-failed', 'a row is not an entry')
  }
  return { key, value: parsed, version }
}
