import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import { Pool } from 'pg'
import postgresJs from 'postgres'
import { afterAll, describe, expect, it } from 'vitest'
import { postgres } from '../../src/stores/postgres.ts'
import { prefixRange } from '../../src/stores/store.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { installRuntime } from '../runtimes/install.ts'
import { engine } from './engines.ts'
import { openDatabases, openPg } from './postgres-databases.ts'
import { proveProcesses } from './processes.ts'
import './patience.ts'

const url = await engine('postgres')
const databases = await openDatabases(url)
afterAll(() => Promise.all(databases.map((database) => database.end())))

for (const { driver, client, run, newSchema } of databases) {
  describe(`Postgres by ${driver}`, () => {
    storeContract({ describe, it }, (clock) => postgres(client, { clock, schema: newSchema() }))

    it('keeps entries, versions and expiries for the next store', async () => {
      const schema = newSchema()
      let now = 1000
      const clock = () => now
      const before = postgres(client, { schema, clock })
      const version = await before.commit([
        { key: 'a', value: { n: 1 } },
        { key: 'b', value: { n: 2 }, expiresAt: 2000 },
      ])
      await before.close()
      const after = postgres(client, { schema, clock })
      expect(await after.get('a')).toEqual({ key: 'a', value: { n: 1 }, version })
      expect(await after.get('b')).toEqual({ key: 'b', value: { n: 2 }, version })
      now = 2000
      expect(await after.get('b')).toBeNull()
    })

    it('frees the rows of expired entries by and by', async () => {
      const schema = newSchema()
      let now = 0
      const store = postgres(client, { schema, clock: () => now })
      const rows = async () =>
        Number((await run(`SELECT count(*) FROM ${schema}.coffer_entries`))[0]?.['count'])
      const temporary = Array.from({ length: 100 }, (_, n) => ({ key: `k/${n}`, value: {}, expiresAt: 1000 }))
      await store.commit([...temporary, { key: 'late', value: {}, expiresAt: 1001 }])
      expect(await rows()).toBe(101)
      now = 1000
      await store.commit([{ key: 'other', value: {} }])
      expect(await rows()).toBe(101 - 8 + 1)
      for (let n = 0; n < 12; n++) await store.commit([{ key: 'other', value: {} }])
      expect(await rows()).toBe(2)
      expect(await run(`SELECT key FROM ${schema}.coffer_entries ORDER BY key`)).toEqual([
        { key: 'late' },
        { key: 'other' },
      ])
    })

    it('has values that can be asked for in SQL', async () => {
      const schema = newSchema()
      await postgres(client, { schema }).commit([{ key: 'a', value: { to: { the: ['point'] } } }])
      const found = await run(`SELECT value #>> '{to,the,0}' AS point FROM ${schema}.coffer_entries`)
      expect(found).toEqual([{ point: 'point' }])
    })

    it('leaves its client open', async () => {
      const schema = newSchema()
      const store = postgres(client, { schema })
      await store.commit([{ key: 'a', value: {} }])
      await store.close()
      await expect(store.get('a')).rejects.toMatchObject({ code: 'invalid-state' })
      expect(await postgres(client, { schema }).get('a')).not.toBeNull()
    })

    it('tells nothing of values when it fails', async () => {
      const schema = newSchema()
      const store = postgres(client, { schema })
      await store.get('a')
      await run(`ALTER TABLE ${schema}.coffer_entries ADD CHECK (value ->> 'text' <> 'secret-1')`)
      const error = await store.commit([{ key: 'a', value: { text: 'secret-1' } }]).catch((e) => e)
      expect(error).toMatchObject({ code: 'store-failed', cause: { code: '23514' } })
      expect(`${inspect(error)} ${JSON.stringify(error.cause)}`).not.toContain('secret-1')
    })
  })
}

if (url !== null) {
  const server = openPg(url)
  afterAll(() => server.end())

  describe('Postgres behind a pooler', () => {
    const everyTimeAnother = new Pool({ connectionString: url, maxUses: 1 })
    const unprepared = postgresJs(url, { prepare: false })
    afterAll(async () => {
      await everyTimeAnother.end()
      await unprepared.end()
    })

    it.each([
      ['gives every statement another connection', everyTimeAnother],
      ['has no prepared statements', unprepared],
    ])('that %s is a store like any other', async (_, client) => {
      const store = postgres(client, { schema: server.newSchema() })
      const versions = await Promise.all(
        Array.from({ length: 50 }, (_, n) => store.commit([{ key: 'a', value: { n }, if: 'absent' }])),
      )
      const winner = versions.findIndex((version) => version !== null)
      expect(versions.filter((version) => version !== null)).toHaveLength(1)
      const entry = { key: 'a', value: { n: winner }, version: versions[winner] }
      expect(await store.get('a')).toEqual(entry)
      expect(await store.list(prefixRange('a'), { reverse: true })).toEqual([entry])
    })
  })

  it("Postgres by Bun's own client is a store like any other", { timeout: 120_000 }, async () => {
    const script = join(import.meta.dirname, 'postgres-bun.ts')
    const { stdout } = await promisify(execFile)(await installRuntime('bun'), [
      script,
      url,
      server.newSchema(),
    ])
    expect(JSON.parse(stdout)).toEqual({
      winners: 1,
      value: { text: '"é\\😀', numbers: [0.1, 1e21] },
      listed: 1,
      deleted: null,
      newer: 'store-failed',
    })
  })

  describe('processes on one Postgres', () => {
    proveProcesses({
      engine: 'postgres',
      newAddress: () => `${url}#${server.newSchema()}`,
      open: (address) => postgres(server.client, { schema: new URL(address).hash.slice(1) }),
    })
  })
}
