import { afterAll, describe, expect, it } from 'vitest'
import { postgres } from '../../src/stores/postgres.ts'
import { postgresBus } from '../../src/stores/postgres-bus.ts'
import type { QueryClient, Value } from '../../src/stores/postgres-client.ts'
import type { PostgresBusClient } from '../../src/stores/postgres-listener.ts'
import { migratePostgres } from '../../src/stores/postgres-schema.ts'
import { prefixRange } from '../../src/stores/store.ts'
import { engine } from './engines.ts'
import { type Database, newName, openDatabases, openPg, withParameters } from './postgres-databases.ts'
import './patience.ts'

const INVALID = expect.objectContaining({ code: 'invalid-option' })

const url = await engine('postgres')
const databases = await openDatabases(url)
const [pglite] = databases
afterAll(() => Promise.all(databases.map((database) => database.end())))

for (const { driver, client, run, newSchema } of databases) {
  const migrations = async (schema: string) =>
    (await run(`SELECT version FROM ${schema}.coffer_schema ORDER BY version`)).map(({ version }) => version)

  describe(`the tables in Postgres by ${driver}`, () => {
    it('are made once, by whoever of many is first', async () => {
      const schema = newSchema()
      const stores = Array.from({ length: 8 }, () => postgres(client, { schema }))
      await Promise.all([
        ...stores.map((store) => store.get('a')),
        migratePostgres(client, { schema }),
        migratePostgres(client, { schema }),
      ])
      expect(await migrations(schema)).toEqual([1])
      await migratePostgres(client, { schema })
      expect(await migrations(schema)).toEqual([1])
    })

    it('are left to the operator, if so asked', async () => {
      const schema = newSchema()
      const store = postgres(client, { schema, migrate: false })
      const refusal = { code: 'store-failed', message: expect.stringContaining('migratePostgres') }
      await expect(store.commit([{ key: 'a', value: {} }])).rejects.toMatchObject(refusal)
      await expect(store.get('a')).rejects.toMatchObject(refusal)
      expect(await run('SELECT to_regnamespace($1)::text AS schema', schema)).toEqual([{ schema: null }])
      await migratePostgres(client, { schema })
      expect(await store.commit([{ key: 'a', value: {} }])).not.toBeNull()
    })

    it('of a newer Coffer are refused by name and left as they were; who has them open goes on', async () => {
      const schema = newSchema()
      const before = postgres(client, { schema })
      await before.commit([{ key: 'a', value: {} }])
      await run(`INSERT INTO ${schema}.coffer_schema (version) VALUES (99)`)
      const refusal = { code: 'store-failed', message: expect.stringMatching(/version 99.*newer Coffer/) }
      const store = postgres(client, { schema })
      await expect(store.get('a')).rejects.toMatchObject(refusal)
      await expect(store.commit([{ key: 'a', value: null }])).rejects.toMatchObject(refusal)
      await expect(migratePostgres(client, { schema })).rejects.toMatchObject(refusal)
      expect(await migrations(schema)).toEqual([1, 99])
      expect(await before.get('a')).not.toBeNull()
    })

    it('are made as a whole or not at all', async () => {
      const schema = newSchema()
      await run(`CREATE SCHEMA ${schema}`)
      await run(`CREATE VIEW ${schema}.coffer_vaults AS SELECT 'another'`)
      const store = postgres(client, { schema })
      await expect(store.get('a')).rejects.toMatchObject({ code: 'store-failed', cause: { code: '42P07' } })
      expect(
        await run(
          `SELECT relname FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind IN ('r', 'v')`,
        ),
      ).toEqual([{ relname: 'coffer_vaults' }])
      await run(`DROP VIEW ${schema}.coffer_vaults`)
      expect(await store.get('a')).toBeNull()
    })

    it('can be in several schemas, which share nothing', async () => {
      const [one, other] = [
        postgres(client, { schema: newSchema() }),
        postgres(client, { schema: newSchema() }),
      ]
      await one.commit([{ key: 'a', value: {} }])
      expect(await other.get('a')).toBeNull()
    })
  })
}

it('the tables are in the schema that SQL looks in first, unless another is named', async () => {
  const { client, run } = pglite
  await postgres(client).commit([{ key: 'vault/vlt_a', value: { documents: 2 } }])
  expect(await run('SELECT id, documents::int FROM coffer_vaults')).toEqual([{ id: 'vlt_a', documents: 2 }])
})

it('what a client or an option must be is said when it is not', async () => {
  const { client } = pglite
  for (const schema of ['', 'Coffer', 'a b', 'a"; --', 'x'.repeat(64), '1', 'a.b']) {
    expect(() => postgres(client, { schema })).toThrow(INVALID)
    await expect(migratePostgres(client, { schema })).rejects.toMatchObject({ code: 'invalid-option' })
  }
  const misspelt: object = { shema: 'a' }
  expect(() => postgres(client, misspelt)).toThrow(INVALID)
  for (const thing of [{}, 'postgres://127.0.0.1', null, { query: 'SELECT' }]) {
    expect(() => postgres(thing as QueryClient)).toThrow(INVALID)
    expect(() => postgresBus(thing as PostgresBusClient)).toThrow(INVALID)
  }
})

it('a server that is away at first is asked again', async () => {
  let isAway = true
  const away: QueryClient = {
    query: async (text, values) => {
      if (isAway) throw new Error('connection refused')
      return pglite.run(text, ...values)
    },
  }
  const store = postgres(away, { schema: pglite.newSchema() })
  await expect(store.get('a')).rejects.toMatchObject({
    code: 'store-failed',
    cause: { message: 'connection refused' },
  })
  isAway = false
  expect(await store.get('a')).toBeNull()
})

it('a client may answer with nothing but rows, as that of Neon over HTTP does', async () => {
  const neon = Object.assign(() => {}, {
    query: (text: string, values: Value[]) => pglite.run(text, ...values),
  })
  expect(() => postgresBus(neon as unknown as PostgresBusClient)).toThrow(INVALID)
  const store = postgres(neon, { schema: pglite.newSchema() })
  const version = await store.commit([{ key: 'a', value: { n: 1 } }])
  expect(await store.list({ start: 'a', end: 'b' })).toEqual([{ key: 'a', value: { n: 1 }, version }])
})

if (url !== null) {
  const server = openPg(url)
  afterAll(() => server.end())

  describe('a database of its own', () => {
    /** Runs a test in a new database, which is made like no other. */
    async function inDatabase(
      like: string,
      body: (client: Database['client']) => Promise<void>,
    ): Promise<void> {
      const name = newName()
      await server.run(`CREATE DATABASE ${name} TEMPLATE template0 ${like}`)
      const address = new URL(url as string)
      address.pathname = name
      const database = openPg(address.href)
      try {
        await body(database.client)
      } finally {
        await database.end()
        await server.run(`DROP DATABASE ${name} WITH (FORCE)`)
      }
    }

    it('may sort text in another order: keys come in that of their bytes', async () => {
      await inDatabase("LOCALE_PROVIDER icu ICU_LOCALE 'en'", async (client) => {
        const store = postgres(client)
        const keys = ['A', 'Z', 'a', 'a/1', 'a0', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}']
        await store.commit(keys.toReversed().map((key) => ({ key, value: {} })))
        const found = await store.list({ start: 'A', end: '\u{10ffff}' })
        expect(found.map(({ key }) => key)).toEqual(keys)
        expect(await store.list(prefixRange('a/'))).toHaveLength(1)
      })
    })

    it('must be able to hold every text', async () => {
      await inDatabase("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'", async (client) => {
        const refusal = { code: 'store-failed', cause: { message: expect.stringContaining('UTF8') } }
        await expect(postgres(client).get('a')).rejects.toMatchObject(refusal)
      })
    })
  })

  describe('a role that may not make tables', () => {
    /** A client with a new role's rights, and no others. */
    async function openAsRole() {
      const role = newName()
      await server.run(`CREATE ROLE ${role}`)
      const database = openPg(withParameters(url as string, { options: `-c role=${role}` }))
      const end = async () => {
        await database.end()
        await server.run(`DROP OWNED BY ${role}`)
        await server.run(`DROP ROLE ${role}`)
      }
      return { role, client: database.client, end }
    }

    it('has a store once an operator has migrated and granted what docs/storage.md says', async () => {
      const schema = server.newSchema()
      const { role, client, end } = await openAsRole()
      await migratePostgres(server.client, { schema })
      await server.run(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
      await server.run(`GRANT SELECT ON ${schema}.coffer_schema TO ${role}`)
      await server.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.coffer_entries TO ${role}`)
      const store = postgres(client, { schema })
      const version = await store.commit([{ key: 'a', value: {}, expiresAt: 1 }])
      await store.commit([
        { key: 'b', value: {}, if: 'absent' },
        { key: 'c', value: null },
      ])
      expect(version).not.toBeNull()
      expect(await store.get('b')).not.toBeNull()
      expect(await store.list({ start: 'a', end: 'z' })).toHaveLength(1)
      await end()
    })

    it('is told so when there is nothing, and may not use what it was not granted', async () => {
      const schema = server.newSchema()
      const { client, end } = await openAsRole()
      const store = postgres(client, { schema })
      const denied = { code: 'store-failed', cause: { code: '42501' } }
      await expect(store.get('a')).rejects.toMatchObject(denied)
      await migratePostgres(server.client, { schema })
      await expect(store.get('a')).rejects.toMatchObject(denied)
      await end()
    })
  })
}
