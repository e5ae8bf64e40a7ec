import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { Bus } from './bus.ts'
import { attempt, identifier, runnerOf } from './postgres-client.ts'
import { listenOf, type PostgresBusClient, type Stop } from './postgres-listener.ts'
import { checkTopic } from './rules.ts'
import { createTopics } from './topics.ts'

/** Options of {@link postgresBus}. */
export interface PostgresBusOptions {
  /** Channel that wake-ups go through: the same for all processes of a store. Default `coffer`. */
  readonly channel?: string
}

/**
 * Wake-ups through Postgres, by `LISTEN` and `NOTIFY`: topics, and nothing else, on one channel. The first subscription
 * takes one connection and keeps it until `close`; one that is lost is opened again, and everybody is woken then.
 *
 * Not through a pooler that gives every transaction another connection (pgbouncer's `transaction` mode): nobody would be
 * woken, and nothing would say so. Give the bus a client that connects to Postgres itself.
 *
 * @param client - A pool must have a connection besides the one that is kept. Stays its owner's, who ends it after the bus.
 * @throws CofferError `invalid-option` for what is no client, or a bad option.
 */
export function postgresBus(client: PostgresBusClient, options: PostgresBusOptions = {}): Bus {
  refuseUnknownOptions(options, ['channel'], 'postgresBus')
  const { channel = 'coffer' } = options
  identifier('channel', channel)
  const run = runnerOf(client)
  const listen = listenOf(client)
  const topics = createTopics()
  let listening: Promise<Stop> | null = null
  let closed = false

  function check(topic: string): void {
    checkOpen()
    checkTopic(topic)
  }

  function checkOpen(): void {
    if (closed) throw new CofferError('invalid-state', 'the bus is closed')
  }

  /** Once; after a failure again. */
  function begin(): Promise<Stop> {
    const listener = { hear: topics.wake, listening: topics.wakeAll }
    listening ??= listen(channel, listener).catch((error: unknown) => {
      listening = null
      throw error
    })
    return listening
  }

  return {
    async publish(topic) {
      check(topic)
      await attempt('notify', () => run('SELECT pg_notify($1, $2)', channel, topic))
    },

    async subscribe(topic, wake) {
      check(topic)
      await attempt('listen', begin)
      checkOpen()
      return topics.add(topic, wake)
    },

    async close() {
      closed = true
      topics.clear()
      const stop = await listening?.catch(() => null)
      listening = null
      await stop?.().catch(() => {})
    },
  }
}
