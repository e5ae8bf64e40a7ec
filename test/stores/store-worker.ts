/**
 * A process that works on a store that others work on: `node store-worker.ts <engine> <address> <task>`. It says 'ready',
 * waits for 'go', and answers with its result.
 */
import type { Store } from '../../src/stores/store.ts'
import { tasks } from './store-tasks.ts'

/** Opens a store by its address. What an engine needs is loaded only then. */
const engines: Record<string, (address: string) => Promise<Store>> = {
  async sqlite(file) {
    const { sqlite } = await import('../../src/stores/sqlite.ts')
    return sqlite(file)
  },
  async 'deno-kv'(file) {
    const { denoKv } = await import('../../src/stores/deno-kv.ts')
    const { patiently } = await import('../../src/stores/deno-kv-client.ts')
    const { deno } = await import('../runtimes/deno.ts')
    // Deno gives up when another process is just making the file.
    return denoKv(await patiently(() => deno.openKv(file)))
  },

  async redis(address) {
    const { redis } = await import('../../src/stores/redis.ts')
    const { redisClients } = await import('./redis-clients.ts')
    const { client } = await redisClients.ioredis(address)
    return redis(client, { prefix: new URL(address).hash.slice(1), requireAppendOnly: false })
  },

  /** The address ends with `#` and the schema. */
  async postgres(address) {
    const [{ Pool }, { postgres }] = await Promise.all([import('pg'), import('../../src/stores/postgres.ts')])
    const [connectionString, schema = ''] = address.split('#')
    return postgres(new Pool({ connectionString, max: 2 }), { schema })
  },
}

const [engine = '', address = '', task = ''] = process.argv.slice(2)
process.once('message', async () => {
  const store = await engines[engine]?.(address)
  const result = store && (await tasks[task]?.(store))
  await store?.close()
  process.send?.({ result })
})
// Whoever asked has the answer by then: not every runtime sends it before it ends.
process.once('disconnect', () => process.exit())
process.send?.('ready')
