import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Pool } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { postgres } from '../../src/stores/postgres.ts'
import { type QueryClient, runnerOf } from '../../src/stores/postgres-client.ts'
import { prefixRange } from '../../src/stores/store.ts'
import { startCuttingProxy } from './cutting-proxy.ts'
import { engine } from './engines.ts'
import { type Database, newName, openPg, servers, withParameters } from './postgres-databases.ts'
import './patience.ts'

const PATIENCE = { timeout: 60_000 }
const FAILED = { code: 'store-failed', cause: expect.any(Error) }

const url = await engine('postgres')

if (url !== null) {
  const server = openPg(url)
  afterAll(() => server.end())

  /** A connection of its own, for transactions of a test. */
  async function connectAlone(address = url as string) {
    const pool = new Pool({ connectionString: address, max: 1 })
    pool.on('error', () => {})
    const connection = await pool.connect()
    return {
      run: runnerOf(connection),
      async end() {
        connection.release(true)
        await pool.end()
      },
    }
  }

  /** Resolves once a connection of this name waits for a lock. */
  async function waiting(name: string): Promise<void> {
    const text = "SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
    await expect.poll(async () => (await server.run(text, name)).length, PATIENCE).toBeGreaterThan(0)
  }

  /** Resolves once no connection of this name is left. */
  async function gone(name: string): Promise<void> {
    const text = 'SELECT FROM pg_stat_activity WHERE application_name = $1'
    await expect.poll(async () => (await server.run(text, name)).length, PATIENCE).toBe(0)
  }

  describe.each(Object.entries(servers))('a connection of %s that is cut', (_, open) => {
    it.each([
      ['before the server has the commit', 'call', false],
      ['when it has committed', 'answer', true],
    ] as const)(
      '%s: nobody knows, all or nothing is there, and the next call works',
      async (_, when, isThere) => {
        const proxy = await startCuttingProxy(Number(new URL(url).port || 5432))
        const address = new URL(url)
        address.host = `127.0.0.1:${proxy.port}`
        const schema = server.newSchema()
        const truth = postgres(server.client, { schema })
        const { client, end } = open(address.href)
        const store = postgres(client, { schema })
        for (let round = 0; round < 10; round++) {
          const keys = [`one/${round}`, `two/${round}`, `three/${round}`]
          const writes = keys.map((key) => ({ key, value: { mark: `mark-${round}` }, if: 'absent' as const }))
          proxy.cutAt(`mark-${round}`, when)
          const error = await store.commit(writes).catch((error: unknown) => error)
          expect(error).toMatchObject(FAILED)
          expect(inspect(error, { showHidden: true, depth: 10 })).not.toContain('mark')
          for (const key of keys) expect((await truth.get(key)) !== null).toBe(isThere)
          expect((await store.commit(writes)) !== null).toBe(!isThere)
          for (const key of keys) expect((await store.get(key))?.value).toEqual({ mark: `mark-${round}` })
        }
        proxy.cutAt('lost/read', when)
        await expect(store.get('lost/read')).rejects.toMatchObject(FAILED)
        expect(await store.get('lost/read')).toBeNull()
        await end()
        await proxy.stop()
      },
    )
  })

  describe('a commit that is under way in Postgres', () => {
    it('is whole or not there when its process is killed, and the keys are free', async () => {
      const [schema, name] = [server.newSchema(), newName()]
      const store = postgres(server.client, { schema })
      await store.commit([{ key: 'last', value: { n: 0 } }])
      const blocker = await connectAlone()
      await blocker.run('BEGIN')
      await blocker.run(`SELECT FROM ${schema}.coffer_entries WHERE key = 'last' FOR UPDATE`)

      const worker = join(import.meta.dirname, 'store-worker.ts')
      const address = `${withParameters(url, { application_name: name })}#${schema}`
      const child = fork(worker, ['postgres', address, 'write'], { execArgv: [] })
      await once(child, 'message')
      child.send('go')
      await waiting(name)
      child.kill('SIGKILL')
      await once(child, 'exit')
      expect(await store.list(prefixRange('group/'))).toEqual([])
      await blocker.run('COMMIT')
      await blocker.end()
      await gone(name)

      const last = Number((await store.get('last'))?.value['n'])
      expect([0, 1]).toContain(last)
      expect(await store.list(prefixRange('group/'))).toHaveLength(last * 10)
      expect(await store.commit([{ key: 'last', value: { n: 2 } }])).not.toBeNull()
    })

    it('is not there when the server ends its connection', async () => {
      const [schema, name] = [server.newSchema(), newName()]
      const truth = postgres(server.client, { schema })
      await truth.commit([{ key: 'b', value: { n: 0 } }])
      const { client, end } = openPg(withParameters(url, { application_name: name }))
      const store = postgres(client, { schema })
      await store.get('a')
      const blocker = await connectAlone()
      await blocker.run('BEGIN')
      await blocker.run(`SELECT FROM ${schema}.coffer_entries WHERE key = 'b' FOR UPDATE`)
      const commit = store.commit(['a', 'b', 'c'].map((key) => ({ key, value: { n: 1 } })))
      const failure = expect(commit).rejects.toMatchObject({ ...FAILED, cause: { code: '57P01' } })
      await waiting(name)
      await server.run(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        name,
      )
      await failure
      await blocker.end()
      expect(await truth.list(prefixRange('a'))).toEqual([])
      expect((await truth.get('b'))?.value).toEqual({ n: 0 })
      expect(await store.commit([{ key: 'b', value: { n: 2 } }])).not.toBeNull()
      await end()
    })

    it('is tried again when Postgres undoes it to end a deadlock', async () => {
      const [schema, name, operatorName] = [server.newSchema(), newName(), newName()]
      const quick = { application_name: name, options: '-c deadlock_timeout=10ms' }
      const patient = { application_name: operatorName, options: '-c deadlock_timeout=60s' }
      const database = openPg(withParameters(url, quick))
      const { counted, calls } = count(database)
      const store = postgres(counted, { schema })
      const keys = ['a', 'b', 'c']
      await store.commit(keys.map((key) => ({ key, value: { by: 'nobody' } })))
      const [operator, other] = [await connectAlone(withParameters(url, patient)), await connectAlone()]
      const update = (key: string) =>
        `UPDATE ${schema}.coffer_entries SET value = '{"by": "operator"}' WHERE key = '${key}'`
      await operator.run('BEGIN')
      await operator.run(update('c'))
      await other.run('BEGIN')
      await other.run(update('b'))
      const before = calls()
      const commit = store.commit(keys.map((key) => ({ key, value: { by: 'store' } })))
      await waiting(name)
      const blocked = operator.run(update('a'))
      await waiting(operatorName)
      await other.run('COMMIT')
      await blocked
      await operator.run('COMMIT')
      expect(await commit).not.toBeNull()
      expect(calls() - before).toBe(2)
      for (const key of keys) expect((await store.get(key))?.value).toEqual({ by: 'store' })
      await Promise.all([operator.end(), other.end(), database.end()])
    })

    it('never waits in a circle with other commits, nor for rows that somebody else frees', async () => {
      const schema = server.newSchema()
      const now = Date.now()
      const { counted, calls } = count(server)
      const store = postgres(counted, { schema, clock: () => now })
      await store.get('a')
      const before = calls()
      await Promise.all(
        Array.from({ length: 1000 }, (_, n) => {
          const keys = [0, 1, 2, 3].map((step) => `k/${(n * (2 * step + 1) + step) % 11}`)
          const writes = [...new Set(keys)].map((key, at) => ({
            key,
            value: (n + at) % 5 === 0 ? null : { n },
            ...((n + at) % 3 === 0 && { expiresAt: now }),
          }))
          return store.commit(n % 2 ? writes : writes.toReversed())
        }),
      )
      // Undone commits would have been tried again.
      expect(calls() - before).toBe(1000)
    })

    it('does not wait for an expired row that somebody holds, and frees the others', async () => {
      const schema = server.newSchema()
      let now = 0
      const store = postgres(server.client, { schema, clock: () => now })
      await store.commit(['a', 'b', 'c'].map((key) => ({ key, value: {}, expiresAt: 1 })))
      now = 1
      const holder = await connectAlone()
      await holder.run('BEGIN')
      await holder.run(`SELECT FROM ${schema}.coffer_entries WHERE key = 'a' FOR UPDATE`)
      await store.commit([{ key: 'other', value: {} }])
      const rows = await server.run(`SELECT key FROM ${schema}.coffer_entries ORDER BY key`)
      expect(rows).toEqual([{ key: 'a' }, { key: 'other' }])
      await holder.end()
    })
  })

  describe('a statement that fails', () => {
    /** A client whose first commits fail with an error. */
    function failing(times: number, error: Error) {
      let commits = 0
      const client: QueryClient = {
        async query(text, values) {
          if (text.includes('coffer_commit(') && !text.startsWith('DO') && ++commits <= times) throw error
          return server.run(text, ...values)
        },
      }
      return { store: postgres(client, { schema: server.newSchema() }), commits: () => commits }
    }
    const withCode = (code: string) => Object.assign(new Error('it failed'), { code })

    it.each(['40001', '40P01'])('with %s is tried five times at most', async (code) => {
      const luckier = failing(4, withCode(code))
      expect(await luckier.store.commit([{ key: 'a', value: {} }])).not.toBeNull()
      expect(luckier.commits()).toBe(5)
      const unlucky = failing(5, withCode(code))
      await expect(unlucky.store.commit([{ key: 'a', value: {} }])).rejects.toMatchObject({
        ...FAILED,
        cause: { code },
      })
      expect(unlucky.commits()).toBe(5)
    })

    it.each(['ECONNRESET', 'EPIPE', '57P01', '08006', '40003', '23505'])(
      'with %s is not tried again: it may have been done',
      async (code) => {
        const { store, commits } = failing(1, withCode(code))
        await expect(store.commit([{ key: 'a', value: {} }])).rejects.toMatchObject({
          ...FAILED,
          cause: { code },
        })
        expect(commits()).toBe(1)
      },
    )
  })

  describe('what a connection is set to', () => {
    it.each(['serializable', 'repeatable read'])(
      'does not weaken a commit: %s transactions are refused',
      async (level) => {
        const schema = server.newSchema()
        const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
        const { client, end } = openPg(withParameters(url, { options }))
        const store = postgres(client, { schema })
        const error = await store.commit([{ key: 'a', value: {} }]).catch((error: unknown) => error)
        expect(error).toMatchObject({
          ...FAILED,
          cause: { message: expect.stringContaining('READ COMMITTED') },
        })
        expect(await store.get('a')).toBeNull()
        await end()
      },
    )

    it('does not weaken a commit: it is on the disk when it resolves', async () => {
      const schema = server.newSchema()
      await postgres(server.client, { schema }).get('a')
      for (const [set, used] of [
        ['off', 'on'],
        ['local', 'local'],
        ['remote_apply', 'remote_apply'],
      ]) {
        const { run, end } = await connectAlone(
          withParameters(url, { options: `-c synchronous_commit=${set}` }),
        )
        await run('BEGIN')
        await run(`SELECT ${schema}.coffer_commit('[]', 0, 0)`)
        expect(await run('SHOW synchronous_commit')).toEqual([{ synchronous_commit: used }])
        await run('ROLLBACK')
        expect(await run('SHOW synchronous_commit')).toEqual([{ synchronous_commit: set }])
        await end()
      }
    })
  })

  it('no table is read from one end to the other, also when the plans were made for a small one', async () => {
    const schema = server.newSchema()
    const now = Date.now()
    const { run, end } = await connectAlone()
    const client: QueryClient = { query: (text, values) => run(text, ...values) }
    const store = postgres(client, { schema, clock: () => now })
    const table = `'${schema}.coffer_entries'::regclass`
    const scans = async () => {
      await run('SELECT pg_stat_force_next_flush()')
      const [row] = await run(
        `SELECT seq_scan::int, idx_scan::int FROM pg_stat_user_tables WHERE relid = ${table}`,
      )
      return { whole: Number(row?.['seq_scan']), indexed: Number(row?.['idx_scan']) }
    }
    await store.commit([{ key: 'a', value: {} }])
    await run(`VACUUM ANALYZE ${schema}.coffer_entries`)
    const before = await scans()
    for (let n = 0; n < 20; n++) {
      const key = `k/${n}`
      await store.commit([
        { key, value: { n }, if: 'absent', expiresAt: now + 1 - (n % 2) },
        { key: 'a', value: n % 2 ? null : {} },
      ])
      await store.get(key)
      await store.list(prefixRange('k/'), { limit: 1 + n })
      await store.list(prefixRange('k/'), { reverse: true })
    }
    const after = await scans()
    expect(after.whole).toBe(before.whole)
    expect(after.indexed).toBeGreaterThan(before.indexed + 20 * 4)
    await end()
  })
}

/** A client that counts what it is asked. */
function count({ run }: Database): { counted: QueryClient; calls: () => number } {
  let calls = 0
  const counted: QueryClient = {
    async query(text, values) {
      calls++
      return run(text, ...values)
    },
  }
  return { counted, calls: () => calls }
}
