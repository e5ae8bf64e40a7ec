import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisBus } from '../../src/stores/redis-bus.ts'
import { busContract } from '../../src/testing/bus-contract.ts'
import { engine } from './engines.ts'
import { type RedisConnection, redisClients } from './redis-clients.ts'

const url = await engine('redis')
const newPrefix = (): string => `test-${randomUUID()}`

if (url !== null) {
  describe.each(Object.entries(redisClients))('Redis, through %s', (_, connect) => {
    let connection: RedisConnection
    beforeAll(async () => {
      connection = await connect(url)
    })
    afterAll(() => connection.close())

    busContract({ describe, it }, async () => {
      const prefix = newPrefix()
      return [redisBus(connection.client, { prefix }), redisBus(connection.client, { prefix })]
    })

    it('is told when nobody waits for a topic any more', async () => {
      const prefix = newPrefix()
      const bus = redisBus(connection.client, { prefix })
      const isSubscribed = async () => (await connection.call('PUBSUB', 'NUMSUB', `${prefix}:a`)) as unknown[]
      const [first, second] = [await bus.subscribe('a', () => {}), await bus.subscribe('a', () => {})]
      first()
      first()
      expect((await isSubscribed())[1]).toBe(1)
      second()
      await vi.waitFor(async () => expect((await isSubscribed())[1]).toBe(0), { timeout: 20_000 })
      await bus.close()
    })

    it('wakes nobody for topics of another prefix', async () => {
      const [one, other] = [newPrefix(), newPrefix()].map((prefix) => redisBus(connection.client, { prefix }))
      let [strange, own] = [0, 0]
      await one?.subscribe('a', () => strange++)
      await other?.subscribe('a', () => own++)
      await other?.publish('a')
      await vi.waitFor(() => expect(own).toBe(1), { timeout: 20_000 })
      expect(strange).toBe(0)
      await Promise.all([one?.close(), other?.close()])
    })
  })
}

describe('redisBus', () => {
  const client = { status: 'wait', publish: async () => {}, duplicate: () => Promise.reject() }

  it('refuses an option that it does not have, and waits for a subscriber before it connects', async () => {
    const refusal = expect.objectContaining({ code: 'invalid-option' })
    expect(() => redisBus(client as never, { perfix: 'a' } as object)).toThrow(refusal)
    const bus = redisBus(client as never)
    await bus.publish('a')
    await bus.close()
  })

  it('takes nothing for a client that is none', () => {
    for (const none of [undefined, {}, { publish: async () => {} }]) {
      expect(() => redisBus(none as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    }
  })
})
