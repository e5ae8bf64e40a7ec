import { migratePostgres, type PostgresClient, postgres } from '../../postgres.ts'
import { UsageError } from '../command.ts'
import { installed } from './driver.ts'
import { type Finding, judge } from './finding.ts'
import type { Storage } from './storage.ts'

/** What is used of either driver. */
interface Connection {
  readonly client: PostgresClient
  rows(sql: string): Promise<readonly Record<string, unknown>[]>
  end(): Promise<void>
}

/** What the database says of itself. Names of settings are as Postgres has them. */
const FACTS = `
  SELECT current_setting('server_version_num')::int / 10000 AS version, pg_is_in_recovery() AS standby,
    current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit`

/** Opens a database, through `pg` or `postgres`, whichever is installed. */
export async function openPostgres(url: string, schema: unknown): Promise<Storage> {
  const { client, rows, end } = await connect(url)
  const where = typeof schema === 'string' ? { schema } : {}
  const store = postgres(client, { ...where, migrate: false })
  return {
    store,

    async now() {
      const [row] = await rows('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now')
      return Number(row?.['now'])
    },

    async migrate() {
      await migratePostgres(client, where)
      return 'The tables, functions and views are complete.'
    },

    async inspect() {
      const [facts = {}] = await rows(FACTS)
      const tables = await store.get('doctor').then(
        () => 'complete',
        (error: Error) => error.message,
      )
      const isOn = (what: string, advice: string): Finding =>
        judge(what, String(facts[what]), facts[what] === 'on', 'fail', advice)
      return [
        judge(
          'version',
          String(facts['version']),
          Number(facts['version']) >= 13,
          'fail',
          'Postgres 13 or newer is needed',
        ),
        judge(
          'role',
          facts['standby'] ? 'standby' : 'primary',
          !facts['standby'],
          'fail',
          'connect to the primary',
        ),
        judge(
          'encoding',
          String(facts['encoding']),
          facts['encoding'] === 'UTF8',
          'fail',
          'use a database with UTF8',
        ),
        judge('tables', tables, tables === 'complete', 'fail', 'run coffer migrate'),
        isOn('fsync', 'a crash of the machine loses payments: turn it on'),
        isOn('full_page_writes', 'a crash of the machine damages payments: turn it on'),
        judge(
          'synchronous_commit',
          String(facts['synchronous_commit']),
          facts['synchronous_commit'] !== 'off',
          'fail',
          'a crash undoes commits that were acknowledged, so that a proof can be spent twice: turn it on',
        ),
      ]
    },

    async close() {
      await store.close()
      await end()
    },
  }
}

async function connect(url: string): Promise<Connection> {
  const pg = await installed(() => import('pg'))
  if (pg !== null) {
    const pool = new pg.default.Pool({ connectionString: url, max: 2 })
    // A connection that breaks while nobody uses it: the next query says so.
    pool.on('error', () => {})
    return { client: pool, rows: async (sql) => (await pool.query(sql)).rows, end: () => pool.end() }
  }
  const postgresJs = await installed(() => import('postgres'))
  if (postgresJs === null) throw new UsageError('Postgres needs a driver: npm install pg')
  const sql = postgresJs.default(url, { max: 2, onnotice: () => {} })
  return { client: sql, rows: (text) => sql.unsafe(text), end: () => sql.end() }
}
