import { sleep } from '../lib/deadline.ts'
import { invalidOption } from '../problems/error.ts'
import { hasMethod, type QueryClient, type UnsafeClient } from './postgres-client.ts'

/** A client that can listen: a pool of `pg` or `@neondatabase/serverless`, postgres.js, or a PGlite. */
export type PostgresBusClient = PoolClient | PostgresJsClient | PgliteClient

/** What is asked of a pool of `pg`, beside queries: a connection to keep. */
interface PoolClient extends QueryClient {
  connect(): Promise<PoolConnection>
}

interface PoolConnection extends QueryClient {
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown
  on(event: 'error' | 'end', listener: () => void): unknown
  release(destroy: boolean): void
}

/** postgres.js keeps a connection of its own for this, and opens another when that is lost. */
interface PostgresJsClient extends UnsafeClient {
  listen(
    channel: string,
    hear: (payload: string) => void,
    listening: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<void> }>
}

interface PgliteClient extends QueryClient {
  listen(channel: string, hear: (payload: string) => void): PromiseLike<() => PromiseLike<void>>
}

/** Whom a channel is listened to for. */
export interface Listener {
  hear(payload: string): void
  /** The channel is listened to from now on; if it was before, something may have been missed since. */
  listening(): void
}

/** Ends the listening. */
export type Stop = () => Promise<void>

/** Listens to a channel until it is stopped, over as many connections as that takes. Rejects when the first one fails. */
export type Listen = (channel: string, listener: Listener) => Promise<Stop>

/** How long after a failed try to connect again the next one follows. */
const RETRY_MS = 1000

/** The way that a client listens. Channels are plain names, quoted only for being a word of SQL. */
export function listenOf(client: PostgresBusClient): Listen {
  if (hasMethod(client, 'listen')) {
    return hasMethod(client, 'unsafe')
      ? (channel, listener) => listenByPostgresJs(client, channel, listener)
      : (channel, listener) => listenByPglite(client, channel, listener)
  }
  if (hasMethod(client, 'connect')) return (channel, listener) => listenByPool(client, channel, listener)
  return invalidOption('client', 'a pool of pg or Neon, postgres.js or PGlite')
}

async function listenByPool(pool: PoolClient, channel: string, listener: Listener): Promise<Stop> {
  let held: PoolConnection | null = null
  let isStopped = false

  function letGo(): void {
    held?.release(true)
    held = null
  }

  async function open(): Promise<void> {
    const connection = await pool.connect()
    // Without a listener an error would end the process. The end of the connection follows it.
    connection.on('error', () => {})
    connection.on('notification', ({ payload = '' }) => listener.hear(payload))
    held = connection
    try {
      await connection.query(`LISTEN "${channel}"`, [])
    } catch (error) {
      letGo()
      throw error
    }
    if (isStopped) return letGo()
    connection.on('end', () => {
      if (held === connection) reopen()
    })
    listener.listening()
  }

  async function reopen(): Promise<void> {
    letGo()
    while (!isStopped) {
      try {
        return await open()
      } catch {
        await sleep(RETRY_MS)
      }
    }
  }

  await open()
  return async () => {
    isStopped = true
    letGo()
  }
}

async function listenByPostgresJs(sql: PostgresJsClient, channel: string, listener: Listener): Promise<Stop> {
  // A call that fails is tried again behind our back: what it hears then, the next call hears too.
  let isLeft = false
  const hear = (payload: string): void => {
    if (!isLeft) listener.hear(payload)
  }
  const listening = (): void => {
    if (!isLeft) listener.listening()
  }
  try {
    const { unlisten } = await sql.listen(channel, hear, listening)
    return async () => unlisten()
  } catch (error) {
    isLeft = true
    throw error
  }
}

async function listenByPglite(db: PgliteClient, channel: string, listener: Listener): Promise<Stop> {
  const unlisten = await db.listen(channel, (payload) => listener.hear(payload))
  return async () => unlisten()
}
