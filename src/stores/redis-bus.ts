import { CofferError, invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { Bus } from './bus.ts'
import { inTime } from './redis-client.ts'
import { checkTopic } from './rules.ts'
import { createTopics } from './topics.ts'

/** What a bus uses of a client of the package `redis`. */
export interface NodeRedisPublisher {
  readonly isOpen: boolean
  publish(channel: string, message: string): Promise<unknown>
  duplicate(): NodeRedisSubscriber
}

/** What a bus uses of a second client of `redis`. */
export interface NodeRedisSubscriber {
  readonly isOpen: boolean
  on(event: 'error' | 'ready', listener: () => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>
  destroy(): void
}

/** What a bus uses of a client of the package `ioredis`. */
export interface IoRedisPublisher {
  readonly status: string
  publish(channel: string, message: string): Promise<unknown>
  duplicate(override: { autoResubscribe: boolean }): IoRedisSubscriber
}

/** What a bus uses of a second client of `ioredis`. */
export interface IoRedisSubscriber {
  readonly status: string
  on(event: 'error' | 'ready', listener: () => void): unknown
  on(event: 'message', listener: (channel: string) => void): unknown
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  disconnect(): void
}

/** Options of {@link redisBus}. */
export interface RedisBusOptions {
  /** Begins the name of every channel, `coffer:<topic>`: channels are those of all databases of a server. Default `coffer`. */
  readonly prefix?: string
}

/** The connection that listens; every topic is a channel. */
interface Listener {
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  close(): void
  /** Whether it has given up. */
  hasEnded(): boolean
}

/**
 * Wake-ups through Redis, for all processes on one server or in one cluster. Listens on a second connection, which is
 * opened with the settings of the first when somebody subscribes. When it was lost, everybody is woken once it is back.
 *
 * @param client - Connected client of `redis` or `ioredis`, of one server. Stays open when the bus is closed: it is yours.
 */
export function redisBus(client: NodeRedisPublisher | IoRedisPublisher, options: RedisBusOptions = {}): Bus {
  refuseUnknownOptions(options, ['prefix'], 'redisBus')
  if (typeof client?.publish !== 'function' || !('isOpen' in client || 'status' in client)) {
    invalidOption('client', 'a client of redis or ioredis', client)
  }
  const prefix = `${options.prefix ?? 'coffer'}:`
  const topics = createTopics()
  let listener: Listener | null = null
  let connections = 0
  let closed = false

  function check(topic: string): void {
    if (closed) throw new CofferError('invalid-state', 'the bus is closed')
    checkTopic(topic)
  }

  function listen(): Listener {
    if (listener === null || listener.hasEnded()) {
      const hear = (channel: string): void => topics.wake(channel.slice(prefix.length))
      listener = openListener(client, hear, () => void connected())
    }
    return listener
  }

  /** Whatever was published while there was no connection is lost. */
  async function connected(): Promise<void> {
    connections++
    if (connections === 1) return
    await Promise.allSettled(topics.names().map((topic) => listener?.subscribe(prefix + topic)))
    topics.wakeAll()
  }

  return {
    async publish(topic) {
      check(topic)
      await inTime(() => client.publish(prefix + topic, ''))
    },

    async subscribe(topic, wake) {
      check(topic)
      const remove = topics.add(topic, wake)
      const unsubscribe = (): void => {
        remove()
        // In the order of the calls: whoever subscribes after this is not unsubscribed by it.
        if (!topics.has(topic)) listener?.unsubscribe(prefix + topic).catch(() => {})
      }
      try {
        await inTime(() => listen().subscribe(prefix + topic))
      } catch (error) {
        unsubscribe()
        throw error
      }
      return unsubscribe
    },

    async close() {
      closed = true
      topics.clear()
      listener?.close()
      listener = null
    },
  }
}

/** The two clients spell the same things differently. `ready` is called for every connection that is made. */
function openListener(
  client: NodeRedisPublisher | IoRedisPublisher,
  hear: (channel: string) => void,
  ready: () => void,
): Listener {
  // Errors come with every attempt to connect, and the calls reject by themselves.
  const error = (): void => {}

  if ('isOpen' in client) {
    const connection = client.duplicate()
    connection.on('error', error)
    connection.on('ready', ready)
    const connected = connection.connect()
    connected.catch(() => {})
    // The same one always: without it, redis takes a channel that is just being left for one that it still has.
    const listener = (_: string, channel: string): void => hear(channel)
    return {
      subscribe: (channel) => connected.then(() => connection.subscribe(channel, listener)),
      unsubscribe: (channel) => connection.unsubscribe(channel, listener),
      hasEnded: () => !connection.isOpen,
      close() {
        if (connection.isOpen) connection.destroy()
      },
    }
  }

  // Ours: the promise of its own is nobody's, and nobody sees it fail.
  const connection = client.duplicate({ autoResubscribe: false })
  connection.on('error', error)
  connection.on('ready', ready)
  connection.on('message', hear)
  return {
    subscribe: (channel) => connection.subscribe(channel),
    unsubscribe: (channel) => connection.unsubscribe(channel),
    hasEnded: () => connection.status === 'end',
    close: () => connection.disconnect(),
  }
}
