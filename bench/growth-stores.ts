import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Store } from 'coffer'
import { postgres } from 'coffer/postgres'
import { sqlite } from 'coffer/sqlite'
import type { Row } from './growth-rows.ts'
import { openSchema } from './postgres.ts'

/** A store as its users have it, and a side door to fill it by. */
export interface GrowingStore {
  readonly store: Store
  fill(rows: readonly Row[]): Promise<void>
  /** After the last row: what a database does by itself in time, so that it does not do it while somebody measures. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** Stores that grow, by name. `null` where the engine does not answer. */
export const growingStores = {
  'SQLite, a file': openSqlite,
  'Postgres, `pg`': openPostgres,
} satisfies Readonly<Record<string, () => Promise<GrowingStore | null>>>

async function openSqlite(): Promise<GrowingStore> {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-bench-'))
  const file = join(folder, 'coffer.db')
  const store = sqlite(file)
  const door = new DatabaseSync(file)
  door.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -500000')
  const put = door.prepare(
    'INSERT OR REPLACE INTO entries (key, value, version, expires_at) VALUES (?, ?, 0, ?)',
  )
  return {
    store,
    async fill(rows) {
      door.exec('BEGIN')
      for (const { key, value, expiresAt } of rows) put.run(key, value, expiresAt)
      door.exec('COMMIT')
    },
    async settle() {
      door.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      door.close()
    },
    async close() {
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Rows that go to Postgres at once. */
const ROWS = 5000

async function openPostgres(): Promise<GrowingStore | null> {
  const opened = await openSchema()
  if (opened === null) return null
  const { pool, schema, close } = opened
  const store = postgres(pool, { schema })
  const table = `${schema}.coffer_entries`
  // The first call makes the tables.
  await store.get('nothing')
  return {
    store,
    async fill(rows) {
      for (let at = 0; at < rows.length; at += ROWS) {
        const some = rows.slice(at, at + ROWS).map(({ key, value, expiresAt }) => [key, value, expiresAt])
        await pool.query(
          `INSERT INTO ${table} (key, value, version, expires_at)
           SELECT r->>0, (r->>1)::jsonb, gen_random_uuid(), (r->>2)::bigint
           FROM jsonb_array_elements($1::jsonb) AS r
           ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
          [JSON.stringify(some)],
        )
      }
    },
    async settle() {
      await pool.query(`VACUUM ANALYZE ${table}`)
      await pool.query('CHECKPOINT').catch(() => {})
    },
    async close() {
      await store.close()
      await close()
    },
  }
}
