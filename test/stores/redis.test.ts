import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { redis } from '../../src/stores/redis.ts'
import { prefixRange } from '../../src/stores/store.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { engine } from './engines.ts'
import { proveProcesses } from './processes.ts'
import { deletePrefix, type RedisConnection, redisClients } from './redis-clients.ts'

const url = await engine('redis')
const run = `test-${randomUUID()}`
let prefixes = 0
const newPrefix = (): string => `${run}-${++prefixes}`
/** The server of a developer may keep nothing on disk. */
const volatile = { requireAppendOnly: false } as const

if (url !== null) {
  let own: RedisConnection
  beforeAll(async () => {
    own = await redisClients.redis(url)
  })
  afterAll(async () => {
    await deletePrefix(own, run)
    own.close()
  })

  for (const [name, connect] of Object.entries(redisClients)) {
    describe(`Redis, through ${name}`, () => {
      let connection: RedisConnection
      beforeAll(async () => {
        connection = await connect(url)
      })
      afterAll(() => connection.close())

      storeContract({ describe, it }, (clock) =>
        redis(connection.client, { ...volatile, clock, prefix: newPrefix() }),
      )
    })
  }

  describe('processes on one Redis', () => {
    proveProcesses({
      engine: 'redis',
      newAddress: () => `${url}#${newPrefix()}`,
      open: (address) => redis(own.client, { ...volatile, prefix: new URL(address).hash.slice(1) }),
    })
  })

  describe('a store in Redis', () => {
    it('shares nothing with one of another prefix', async () => {
      const [one, other] = [newPrefix(), newPrefix()].map((prefix) =>
        redis(own.client, { ...volatile, prefix }),
      )
      await one?.commit([{ key: 'a', value: {} }])
      expect(await other?.get('a')).toBeNull()
      expect(await other?.list(prefixRange('a'))).toEqual([])
    })

    it('is the same for every client, also for one that begins all keys with something', async () => {
      const prefix = newPrefix()
      const client = new Redis(url, { keyPrefix: `${run}:` })
      const prefixed = redis(client, { ...volatile, prefix })
      const version = await prefixed.commit([{ key: 'a', value: { n: 1 }, if: 'absent' }])
      expect(await prefixed.get('a')).toEqual({ key: 'a', value: { n: 1 }, version })
      expect(await redis(own.client, { ...volatile, prefix }).get('a')).toBeNull()
      client.disconnect()
    })

    it('sends its scripts again to a server that has forgotten them', async () => {
      const store = redis(own.client, { ...volatile, prefix: newPrefix() })
      for (let n = 0; n < 2; n++) {
        await own.call('SCRIPT', 'FLUSH')
        expect(await store.commit([{ key: 'a', value: { n } }])).not.toBeNull()
        await own.call('SCRIPT', 'FLUSH')
        expect((await store.get('a'))?.value).toEqual({ n })
        await own.call('SCRIPT', 'FLUSH')
        expect(await store.list(prefixRange('a'))).toHaveLength(1)
      }
    })

    it('frees what has expired by and by, and forgets which commits there were', async () => {
      const prefix = newPrefix()
      let now = 0
      const store = redis(own.client, { ...volatile, prefix, clock: () => now })
      for (let n = 0; n < 100; n++) await store.commit([{ key: `k/${n}`, value: {}, expiresAt: 1000 }])
      const rows = () =>
        Promise.all([
          own.call('HLEN', `{${prefix}}:entries`),
          own.call('ZCARD', `{${prefix}}:order`),
          own.call('ZCARD', `{${prefix}}:expiring`),
        ])
      expect(await rows()).toEqual([100, 100, 100])
      now = 1000
      const version = await store.commit([{ key: 'other', value: {} }])
      expect(await rows()).toEqual([93, 93, 92])
      for (let n = 0; n < 12; n++) await store.commit([{ key: 'other', value: {} }])
      expect(await rows()).toEqual([1, 1, 0])
      const remembered = await own.call('PTTL', `{${prefix}}:commit:${version}`)
      expect(remembered).toBeGreaterThan(0)
      expect(remembered).toBeLessThanOrEqual(60_000)
    })

    it('refuses keys that hold something else, before it writes anything', async () => {
      const prefix = newPrefix()
      await own.call('SET', `{${prefix}}:order`, 'mine')
      const store = redis(own.client, { ...volatile, prefix })
      await expect(store.commit([{ key: 'a', value: {} }])).rejects.toMatchObject({
        code: 'store-failed',
        message: expect.stringContaining(prefix),
      })
      expect(await own.call('EXISTS', `{${prefix}}:entries`)).toBe(0)
    })

    it('puts nothing that it was given into an error', async () => {
      const prefix = newPrefix()
      const { client, close } = await redisClients.ioredis(url)
      const store = redis(client, { ...volatile, prefix })
      await store.get('a')
      await own.call('SET', `{${prefix}}:entries`, 'not ours')
      const error: unknown = await store
        .commit([{ key: 'a', value: { text: 'very secret' }, if: 'absent' }])
        .catch((error: unknown) => error)
      expect(error).toMatchObject({
        code: 'store-failed',
        cause: { message: expect.stringContaining('WRONGTYPE') },
      })
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('very secret')
      close()
    })
  })
}

describe('redis', () => {
  const answerless = { evalsha: () => new Promise(() => {}), eval: () => new Promise(() => {}) }

  it('waits ten seconds for an answer', async () => {
    vi.useFakeTimers()
    try {
      const call = expect(redis(answerless).get('a')).rejects.toMatchObject({ code: 'store-failed' })
      await vi.advanceTimersByTimeAsync(10_000)
      await call
    } finally {
      vi.useRealTimers()
    }
  })

  it('refuses an option that it does not have, a prefix that is none, and what is no client', () => {
    const refusal = expect.objectContaining({ code: 'invalid-option' })
    expect(() => redis(answerless, { perfix: 'a' } as object)).toThrow(refusal)
    for (const prefix of ['', '{a}', 'a\0', '\ud83d', 'x'.repeat(65)]) {
      expect(() => redis(answerless, { prefix })).toThrow(refusal)
    }
    for (const none of [undefined, {}]) expect(() => redis(none as never)).toThrow(refusal)
  })
})
