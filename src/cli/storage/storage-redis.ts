import { type IoRedis, type NodeRedis, redis } from '../../redis.ts'
import { UsageError } from '../command.ts'
import { installed } from './driver.ts'
import { judge } from './finding.ts'
import type { Storage } from './storage.ts'

/** What is used of either driver. */
interface Connection {
  readonly client: NodeRedis | IoRedis
  send(...words: [string, ...string[]]): Promise<unknown>
  end(): Promise<unknown>
}

/** Opens a server, through `redis` or `ioredis`, whichever is installed. */
export async function openRedis(url: string): Promise<Storage> {
  const { client, send, end } = await connect(url)
  const store = redis(client)

  /** A setting, as far as we may ask: services often forbid it. */
  async function setting(name: string): Promise<string> {
    const answer: unknown = await send('CONFIG', 'GET', name).catch(() => [])
    // Names and values in turn, or by name: that depends on the driver's version of the protocol.
    const found: unknown = Array.isArray(answer) ? answer[1] : Reflect.get(Object(answer), name)
    return typeof found === 'string' ? found : 'unknown'
  }

  return {
    store,
    migrate: async () => 'Nothing to do: Redis has no tables.',

    async now() {
      const [seconds, micros] = (await send('TIME')) as [string, string]
      return Number(seconds) * 1000 + Number(micros) / 1000
    },

    async inspect() {
      const info = String(await send('INFO'))
      const fact = (name: string): string =>
        new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? 'unknown'
      const [version, role, aof, policy] = ['redis_version', 'role', 'aof_enabled', 'maxmemory_policy'].map(
        fact,
      )
      const [rewriting, fsync] = [fact('aof_last_write_status'), await setting('appendfsync')]
      return [
        judge(
          'version',
          String(version),
          Number.parseInt(String(version), 10) >= 6,
          'fail',
          'Redis 6 or newer is needed',
        ),
        judge('role', String(role), role === 'master', 'fail', 'connect to the primary'),
        judge(
          'append-only file',
          aof === '1' ? 'yes' : 'no',
          aof === '1',
          'fail',
          'payments are forgotten when the server ends: appendonly yes',
        ),
        judge('aof_last_write_status', rewriting, rewriting !== 'err', 'fail', 'the disk is full or broken'),
        judge(
          'appendfsync',
          fsync,
          fsync === 'always',
          'warn',
          'a power cut undoes the last second: appendfsync always',
        ),
        judge(
          'maxmemory-policy',
          String(policy),
          policy === 'noeviction',
          'fail',
          'payments may be evicted: noeviction',
        ),
        judge(
          'replicas',
          fact('connected_slaves'),
          fact('connected_slaves') === '0',
          'warn',
          'a fail-over undoes what the replica has not seen yet: keep money in Postgres if that is too much',
        ),
      ]
    },

    async close() {
      await store.close()
      await end()
    },
  }
}

async function connect(url: string): Promise<Connection> {
  const nodeRedis = await installed(() => import('redis'))
  if (nodeRedis !== null) {
    const client = nodeRedis.createClient({ url, socket: { reconnectStrategy: false } })
    // Told to whoever calls, too.
    client.on('error', () => {})
    await client.connect()
    return { client, send: (...words) => client.sendCommand(words), end: () => client.close() }
  }
  const ioredis = await installed(() => import('ioredis'))
  if (ioredis === null) throw new UsageError('Redis needs a driver: npm install redis')
  const client = new ioredis.Redis(url, { retryStrategy: () => null })
  client.on('error', () => {})
  return { client, send: (word, ...words) => client.call(word, ...words), end: () => client.quit() }
}
