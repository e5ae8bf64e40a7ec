import type { Bus } from '../../src/stores/bus.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { postgresBus } from '../../src/stores/postgres-bus.ts'
import { redis } from '../../src/stores/redis.ts'
import { redisBus } from '../../src/stores/redis-bus.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import type { Store } from '../../src/stores/store.ts'
import { openPg } from '../stores/postgres-databases.ts'
import { redisClients } from '../stores/redis-clients.ts'

/** What the processes of one shop share; JSON. */
export interface StorageSetup {
  readonly engine: 'sqlite' | 'postgres' | 'redis'
  /** File, or URL of the server. */
  readonly address: string
  /** What is ours there: the schema, or the prefix of the keys. */
  readonly name: string
}

/** A store, and a bus where the engine has one. */
export interface Storage {
  readonly store: Store
  readonly bus?: Bus
  close(): Promise<void>
}

/** Opens what the processes of one shop share. */
export async function openStorage({ engine, address, name }: StorageSetup): Promise<Storage> {
  switch (engine) {
    case 'sqlite': {
      const store = sqlite(address)
      return { store, close: () => store.close() }
    }
    case 'postgres': {
      const { client, end } = openPg(address)
      const bus = postgresBus(client, { channel: name })
      return {
        store: postgres(client, { schema: name }),
        bus,
        async close() {
          await bus.close()
          await end()
        },
      }
    }
    case 'redis': {
      const { client, close } = await redisClients.redis(address)
      const bus = redisBus(client, { prefix: name })
      return {
        store: redis(client, { prefix: name }),
        bus,
        async close() {
          await bus.close()
          close()
        },
      }
    }
  }
}
