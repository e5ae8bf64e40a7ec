import type { Store } from '../../stores/store.ts'
import { UsageError } from '../command.ts'
import type { Finding } from './finding.ts'
import { openPostgres } from './storage-postgres.ts'
import { openRedis } from './storage-redis.ts'
import { openSqlite } from './storage-sqlite.ts'

/** A store as its operator looks at it. */
export interface Storage {
  readonly store: Store
  /** Makes or completes what the store needs. Says what was done. */
  migrate(): Promise<string>
  /** Looks at what decides whether a commit lasts. */
  inspect(): Promise<readonly Finding[]>
  /** Milliseconds since the epoch by the clock of the engine; `null` when it has none but this machine's. */
  now(): Promise<number | null>
  close(): Promise<void>
}

/**
 * Opens a store by its URL: `postgres://…`, `redis://…`, or the path of an SQLite file, with or without `sqlite:`.
 *
 * @throws UsageError for any other URL, or when the driver is not installed. Never shows a password.
 */
export async function openStorage(url: string, schema: unknown): Promise<Storage> {
  const scheme = /^([a-z][a-z0-9+-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === 'postgres' || scheme === 'postgresql') return openPostgres(url, schema)
  if (schema !== undefined) throw new UsageError('--schema is for Postgres')
  if (scheme === 'redis' || scheme === 'rediss') return openRedis(url)
  // A letter and a colon may be a drive.
  if (scheme === undefined || scheme === 'sqlite' || scheme.length === 1)
    return openSqlite(url.replace(/^sqlite:/i, ''))
  throw new UsageError(`--store: expected postgres://…, redis://… or a file, got ${scheme}:…`)
}
