import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { IoRedis, NodeRedis } from '../../src/redis.ts'
import type { IoRedisPublisher, NodeRedisPublisher } from '../../src/stores/redis-bus.ts'

/** A connected client, as a seller has one. */
export interface RedisConnection {
  readonly client: (NodeRedis & NodeRedisPublisher) | (IoRedis & IoRedisPublisher)
  /** Sends a command that no store sends. */
  call(...command: string[]): Promise<unknown>
  close(): void
}

/** The clients that a store and a bus take. */
export const redisClients: Readonly<Record<'redis' | 'ioredis', (url: string) => Promise<RedisConnection>>> =
  {
    async redis(url) {
      const client = createClient({ url })
      client.on('error', () => {})
      await client.connect()
      return { client, call: (...command) => client.sendCommand(command), close: () => client.destroy() }
    },

    async ioredis(url) {
      const client = new Redis(url)
      client.on('error', () => {})
      return {
        client,
        call: (name = '', ...args) => client.call(name, ...args),
        close: () => client.disconnect(),
      }
    },
  }

/** Deletes everything whose key begins with a prefix, in braces or not. */
export async function deletePrefix({ call }: RedisConnection, prefix: string): Promise<void> {
  for (let cursor = '0'; ; ) {
    const page = await call('SCAN', cursor, 'MATCH', `*${prefix}*`, 'COUNT', '1000')
    const [next, keys] = page as [string, string[]]
    if (keys.length > 0) await call('UNLINK', ...keys)
    if (next === '0') return
    cursor = next
  }
}
