import { randomBytes } from 'node:crypto'
import { PGlite } from '@electric-sql/pglite'
import { Pool } from 'pg'
import postgresJs from 'postgres'
import { type PostgresClient, type Run, runnerOf } from '../../src/stores/postgres-client.ts'
import type { PostgresBusClient } from '../../src/stores/postgres-listener.ts'

/** A database behind a driver. */
export interface Database {
  readonly driver: string
  readonly client: PostgresClient & PostgresBusClient
  readonly run: Run
  /** A schema that nobody has used; whatever is in it at the end is dropped. */
  newSchema(): string
  /** Drops the schemas and ends the client. */
  end(): Promise<void>
}

/** Nobody's names but ours: other runs use the same server. */
export const newName = (): string => `coffer_test_${randomBytes(6).toString('hex')}`

/** Postgres in this process. */
export async function openPglite(): Promise<Database> {
  const db = await PGlite.create()
  return database('PGlite', db, () => db.close())
}

/** The server, by the driver that most use. */
export function openPg(url: string): Database {
  const pool = new Pool({ connectionString: url })
  // A connection that is lost while nobody uses it would end the process.
  pool.on('error', () => {})
  return database('pg', pool, () => pool.end())
}

/** The server, by the other driver. */
export function openPostgresJs(url: string): Database {
  const sql = postgresJs(url, { onnotice: () => {}, backoff: () => 0.1 })
  // Without a limit it waits for ever for connections that were lost in the middle of a query.
  return database('postgres.js', sql, () => sql.end({ timeout: 1 }))
}

/** Those that talk to a server. */
export const servers: Readonly<Record<string, (url: string) => Database>> = {
  pg: openPg,
  'postgres.js': openPostgresJs,
}

/** The address of the server with parameters for its connections: `application_name`, `options`. */
export function withParameters(url: string, parameters: Readonly<Record<string, string>>): string {
  const address = new URL(url)
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value)
  // A plus sign is a plus sign to the drivers.
  return address.href.replaceAll('+', '%20')
}

/** All there are: in this process, and of a server when there is one. */
export async function openDatabases(url: string | null): Promise<readonly [Database, ...Database[]]> {
  return [await openPglite(), ...(url === null ? [] : Object.values(servers).map((open) => open(url)))]
}

function database(driver: string, client: Database['client'], close: () => Promise<void>): Database {
  const schemas: string[] = []
  const run = runnerOf(client)
  return {
    driver,
    client,
    run,
    newSchema() {
      const schema = newName()
      schemas.push(schema)
      return schema
    },
    async end() {
      for (const schema of schemas) await run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      await close()
    },
  }
}
