/** A store and a bus on servers of our own, to which anything may happen. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import { redis } from '../../src/stores/redis.ts'
import { redisBus } from '../../src/stores/redis-bus.ts'
import { type Entry, prefixRange, type Store, type Version, type Write } from '../../src/stores/store.ts'
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts'
import { program } from './engines.ts'
import { type RedisConnection, redisClients } from './redis-clients.ts'
import { freePort, type RedisServer, startRedisServer } from './redis-server.ts'

const clients = Object.entries(redisClients)
const closing: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A server, which keeps what it is told on disk unless the arguments say otherwise. */
async function serve(...args: readonly string[]): Promise<RedisServer> {
  const server = await startRedisServer('--appendonly', 'yes', ...args)
  closing.push(server.stop)
  return server
}

async function connectTo(url: string, connect = redisClients.redis): Promise<RedisConnection> {
  const connection = await connect(url)
  closing.push(connection.close)
  return connection
}

if (program('redis-server')) {
  describe('a server', () => {
    it('that keeps what it is told on disk is a ledger: nothing is lost when it is killed', async () => {
      const server = await serve()
      const before = await connectTo(server.url)
      const store = redis(before.client)
      const versions: (Version | null)[] = []
      for (let n = 0; n < 50; n++) {
        const writes = [`a/${n}`, `b/${n}`].map((key) => ({ key, value: { n }, if: 'absent' as const }))
        versions.push(await store.commit(writes))
      }
      await server.kill()
      await server.start()

      const after = redis((await connectTo(server.url)).client)
      for (const prefix of ['a/', 'b/']) {
        const entries = await after.list(prefixRange(prefix))
        expect(entries.map(({ version }) => version).sort()).toEqual(versions.toSorted())
      }
      expect(await after.commit([{ key: 'a/1', value: {}, if: 'absent' }])).toBeNull()
    })

    it.each(clients)('that is started again goes on with the same store, through %s', async (_, connect) => {
      const server = await serve()
      const store = redis((await connectTo(server.url, connect)).client)
      await store.commit([{ key: 'a', value: { n: 1 } }])
      await server.kill()
      const meanwhile = store.get('a').catch((error: unknown) => error)
      await server.start()
      const answer = await meanwhile
      if (answer instanceof Error) expect(answer).toMatchObject({ code: 'store-failed' })
      else expect(answer).toMatchObject({ value: { n: 1 } })
      expect((await eventually(() => store.get('a')))?.value).toEqual({ n: 1 })
      expect(await store.commit([{ key: 'a', value: {}, if: 'absent' }])).toBeNull()
    })

    it('that keeps nothing on disk is refused at every call, until it does', async () => {
      const server = await serve('--appendonly', 'no', '--save', '3600 1')
      const { client, call } = await connectTo(server.url)
      const store = redis(client)
      const refusal = { code: 'store-failed', message: expect.stringContaining('has no append-only file') }
      await expect(store.commit([{ key: 'a', value: {} }])).rejects.toMatchObject(refusal)
      await expect(store.get('a')).rejects.toMatchObject(refusal)
      await expect(store.list(prefixRange('a'))).rejects.toMatchObject(refusal)
      expect(await call('DBSIZE')).toBe(0)

      expect(await redis(client, { requireAppendOnly: false }).get('a')).toBeNull()
      await call('CONFIG', 'SET', 'appendonly', 'yes')
      expect(await store.get('a')).toBeNull()
    })

    it.each(['allkeys-lru', 'volatile-ttl'])(
      'that may evict keys (%s) is refused in any case',
      async (policy) => {
        const { client } = await connectTo((await serve('--maxmemory-policy', policy)).url)
        for (const requireAppendOnly of [true, false]) {
          await expect(redis(client, { requireAppendOnly }).get('a')).rejects.toMatchObject({
            code: 'store-failed',
            message: expect.stringContaining(policy),
          })
        }
      },
    )

    it('that does not tell what it keeps is refused, unless somebody knows', async () => {
      const server = await serve()
      const admin = await connectTo(server.url)
      await admin.call('ACL', 'SETUSER', 'shop', 'on', '>secret', '~*', '&*', '+@all', '-info')
      const { client } = await connectTo(server.url.replace('//', '//shop:secret@'))
      await expect(redis(client).get('a')).rejects.toMatchObject({
        code: 'store-failed',
        message: expect.stringContaining('may not be asked'),
      })
      expect(await redis(client, { requireAppendOnly: false }).get('a')).toBeNull()
    })

    it('that has no room left refuses the whole commit', async () => {
      const { client, call } = await connectTo((await serve()).url)
      const store = redis(client)
      const version = await store.commit([{ key: 'a', value: { n: 1 } }])
      await call('CONFIG', 'SET', 'maxmemory', '1')
      const writes = ['a', 'b', 'c'].map((key) => ({ key, value: { n: 2 } }))
      await expect(store.commit(writes)).rejects.toMatchObject({ code: 'store-failed' })
      expect(await store.list(prefixRange('a'))).toEqual([{ key: 'a', value: { n: 1 }, version }])
      await call('CONFIG', 'SET', 'maxmemory', '0')
      expect(await store.commit(writes)).not.toBeNull()
    })

    it('of a cluster has all of a store in one slot', async () => {
      const busPort = String(await freePort())
      const address = ['--cluster-announce-ip', '127.0.0.1', '--cluster-port', busPort]
      const server = await serve('--cluster-enabled', 'yes', ...address)
      const admin = await connectTo(server.url)
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
      await eventually(async () => {
        expect(await admin.call('CLUSTER', 'INFO')).toContain('cluster_state:ok')
      })
      const one = await createCluster({ rootNodes: [{ url: server.url }] }).connect()
      const other = new Redis.Cluster([server.url])
      closing.push(
        () => one.destroy(),
        () => other.disconnect(),
      )
      for (const [n, store] of [redis(one), redis(other)].entries()) {
        const writes = ['a', 'b'].map((key) => ({ key: `${n}/${key}`, value: { n }, if: 'absent' as const }))
        const version = await store.commit(writes)
        expect(await store.get(`${n}/a`)).toMatchObject({ version })
        expect(await store.list(prefixRange(`${n}/`))).toHaveLength(2)
      }
    })
  })

  describe.each(clients)(
    'a connection that breaks in the middle of a commit, through %s',
    (name, connect) => {
      /** A store behind a proxy, and the truth. */
      async function setUp(): Promise<{ proxy: CuttingProxy; store: Store; truth: Store }> {
        const server = await serve()
        const proxy = await startCuttingProxy(server.port)
        closing.push(proxy.stop)
        const store = redis((await connectTo(`redis://127.0.0.1:${proxy.port}`, connect)).client)
        const truth = redis((await connectTo(server.url)).client)
        await store.get('a')
        return { proxy, store, truth }
      }

      for (const when of ['call', 'answer'] as const) {
        it(`before its ${when} is through never looks like one that was refused`, async () => {
          const { proxy, store, truth } = await setUp()

          /** Commits through a cut: what it comes to must be true, or that nobody knows. */
          async function commitCut(write: Write, isDone: (entry: Entry | null) => boolean): Promise<void> {
            proxy.cutAt(':commit:', when)
            const outcome = await store.commit([write]).catch((error: unknown) => error)
            // One client lets the call fail, and the other makes it again.
            if (name === 'redis') expect(outcome).toMatchObject({ code: 'store-failed' })
            else expect([typeof outcome, isDone(await truth.get(write.key))]).toEqual(['string', true])
            if (!isDone(await truth.get(write.key))) await truth.commit([write])
          }

          for (let n = 0; n < 5; n++) {
            const key = `k/${n}`
            await commitCut({ key, value: { n }, if: 'absent' }, (entry) => entry !== null)
            const version = (await truth.get(key))?.version ?? ''
            await commitCut({ key, value: { n: -n }, if: { version } }, (entry) => entry?.version !== version)
            const next = (await truth.get(key))?.version ?? ''
            await commitCut({ key, value: null, if: { version: next } }, (entry) => entry === null)
          }
        })

        it(`before its ${when} is through stays refused when it was`, async () => {
          const { proxy, store, truth } = await setUp()
          const version = await truth.commit([{ key: 'a', value: {} }])
          proxy.cutAt(':commit:', when)
          expect(await eventually(() => store.commit([{ key: 'a', value: {}, if: 'absent' }]))).toBeNull()
          expect((await truth.get('a'))?.version).toBe(version)
        })
      }
    },
  )

  describe.each(clients)('a bus, through %s', (_, connect) => {
    it('wakes everybody when its connection is back, and hears again', async () => {
      const server = await serve()
      const proxy = await startCuttingProxy(server.port)
      closing.push(proxy.stop)
      const bus = redisBus((await connectTo(`redis://127.0.0.1:${proxy.port}`, connect)).client)
      const other = redisBus((await connectTo(server.url)).client)
      closing.push(other.close, bus.close)
      const woken = new Map<string, number>()
      for (const topic of ['a', 'b']) {
        await bus.subscribe(topic, () => woken.set(topic, (woken.get(topic) ?? 0) + 1))
      }
      proxy.cutAll()
      await eventually(() => expect([...woken.values()]).toEqual([1, 1]))
      await other.publish('a')
      await eventually(() => expect(woken.get('a')).toBe(2))
      expect(woken.get('b')).toBe(1)
    })

    it('hears again after its server was away', async () => {
      const server = await serve()
      const bus = redisBus((await connectTo(server.url, connect)).client)
      closing.push(bus.close)
      let woken = 0
      await bus.subscribe('a', () => woken++)
      await server.kill()
      await server.start()
      await eventually(() => expect(woken).toBe(1))
      await eventually(() => bus.publish('a'))
      await eventually(() => expect(woken).toBeGreaterThan(1))
    })
  })

  it('a bus whose client gives up begins anew with the next subscriber, and wakes the earlier ones', async () => {
    const server = await serve()
    const node = createClient({ url: server.url, socket: { reconnectStrategy: false } })
    const io = new Redis(server.url, { retryStrategy: () => null })
    closing.push(() => io.disconnect())
    await node.on('error', () => {}).connect()
    io.on('error', () => {})
    const woken: number[] = []
    const buses = [redisBus(node), redisBus(io)]
    for (const [n, bus] of buses.entries()) await bus.subscribe('a', () => woken.push(n))
    await server.kill()
    await server.start()
    for (const bus of buses) {
      closing.push(bus.close)
      await eventually(() => bus.subscribe('b', () => {}))
    }
    await eventually(() => expect(woken.toSorted()).toEqual([0, 1]))
    await redisBus((await connectTo(server.url)).client).publish('a')
    await eventually(() => expect(woken.toSorted()).toEqual([0, 0, 1, 1]))
  })

  it('a bus without a server fails to subscribe and to publish, and ends all the same', async () => {
    const server = await serve()
    const connections = await Promise.all(clients.map(([, connect]) => connectTo(server.url, connect)))
    await server.kill()
    await Promise.all(
      connections.map(async ({ client }) => {
        const bus = redisBus(client)
        const refusal = expect.objectContaining({ code: 'store-failed' })
        const calls = [bus.publish('a'), bus.subscribe('a', () => {})]
        expect(await Promise.all(calls.map((call) => call.catch((error: unknown) => error)))).toEqual([
          refusal,
          refusal,
        ])
        await bus.close()
      }),
    )
  })
}

/** Tries until it succeeds. */
async function eventually<Result>(attempt: () => Result | Promise<Result>): Promise<Result> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (tries === 400) throw error
      await sleep(50)
    }
  }
}
