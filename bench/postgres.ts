import { userInfo } from 'node:os'
import pg from 'pg'

/** A schema of its own in a database. */
export interface PostgresSchema {
  readonly pool: pg.Pool
  readonly schema: string
  /** Drops the schema. */
  close(): Promise<void>
}

/** Takes a schema of the database of `DATABASE_URL`, or of the local one; `null` when none answers. */
export async function openSchema(): Promise<PostgresSchema | null> {
  const connectionString =
    process.env['DATABASE_URL'] ?? `postgres://${userInfo().username}@127.0.0.1:5432/postgres`
  const pool = new pg.Pool({ connectionString })
  if ((await pool.query('SELECT 1').catch(() => null)) === null) {
    await pool.end()
    return null
  }
  const schema = `bench_${crypto.randomUUID().slice(0, 8)}`
  return {
    pool,
    schema,
    async close() {
      await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`).catch(() => {})
      await pool.end()
    },
  }
}
