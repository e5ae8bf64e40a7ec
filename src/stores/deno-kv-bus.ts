import { createTurns } from '../lib/turns.ts'
import { CofferError } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { Bus } from './bus.ts'
import type { DenoKvOptions } from './deno-kv.ts'
import { type DenoKv, type DenoKvKey, KEYS_PER_READ, patiently, readPrefix } from './deno-kv-client.ts'
import { createWatcher, type Wakes, wakesOf } from './deno-kv-watcher.ts'
import { checkTopic } from './rules.ts'
import { createTopics } from './topics.ts'

/** How many wake-ups of a key a watcher may miss and still know whom to wake. */
const KEPT = 32
/** How often a wake-up is written that other processes' are in the way of. */
const MAX_TRIES = 20

/**
 * Wake-ups through `kv.watch`, for all processes that share a database. When the database is a file, they reach the
 * process that published: others on the same file find out when they poll.
 *
 * All topics share ten keys, so one watch is open, from the first subscription until the bus is closed. A wake-up costs a
 * read and a write; those that come while one is being written go together.
 *
 * @param kv - Stays open when the bus is closed: it is yours.
 */
export function denoKvBus(kv: DenoKv, options: Pick<DenoKvOptions, 'prefix'> = {}): Bus {
  refuseUnknownOptions(options, ['prefix'], 'denoKvBus')
  const prefix = readPrefix(kv, options.prefix)
  const keys = Array.from({ length: KEYS_PER_READ }, (_, n) => [prefix, 'wakes', n])
  const topics = createTopics()
  const publish = createPublisher(kv, keys)
  const watcher = createWatcher(kv, keys, topics)
  let closed = false

  function checkOpen(): void {
    if (closed) throw new CofferError('invalid-state', 'the bus is closed')
  }

  function check(topic: string): void {
    checkOpen()
    checkTopic(topic)
  }

  return {
    async publish(topic) {
      check(topic)
      await attempt('wake others', () => publish(topic))
    },
    async subscribe(topic, wake) {
      check(topic)
      await attempt('watch', watcher.start)
      checkOpen()
      return topics.add(topic, wake)
    },
    async close() {
      closed = true
      topics.clear()
      await watcher.close()
    },
  }
}

/** Writes wake-ups: one write at a time for each key, with all that came while the last was under way. */
function createPublisher(kv: DenoKv, keys: readonly DenoKvKey[]): (topic: string) => Promise<void> {
  const turns = createTurns()
  const batches = new Map<DenoKvKey, { readonly topics: Set<string>; readonly written: Promise<void> }>()

  function open(key: DenoKvKey) {
    const topics = new Set<string>()
    const written = turns(key.join(), () => {
      batches.delete(key)
      return write(key, [...topics])
    })
    const batch = { topics, written }
    batches.set(key, batch)
    return batch
  }

  async function write(key: DenoKvKey, topics: readonly string[]): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const [entry] = await patiently(() => kv.getMany([key]))
      const { count, latest } = wakesOf(entry)
      const wakes: Wakes = { count: count + topics.length, latest: [...latest, ...topics].slice(-KEPT) }
      const commit = kv.atomic()
      commit.check({ key, versionstamp: entry?.versionstamp ?? null })
      commit.set(key, wakes)
      if ((await patiently(() => commit.commit())).ok) return
    }
    throw new CofferError('store-failed', 'too many others wake at the same time')
  }

  return (topic) => {
    const key = keys[slotOf(topic, keys.length)] ?? []
    const { topics, written } = batches.get(key) ?? open(key)
    topics.add(topic)
    return written
  }
}

/** Spreads topics over the keys. */
function slotOf(topic: string, slots: number): number {
  let hash = 0
  for (let at = 0; at < topic.length; at++) hash = (Math.imul(hash, 31) + topic.charCodeAt(at)) >>> 0
  return hash % slots
}

/** Turns what Deno KV throws into the error that callers switch on. */
async function attempt(what: string, operation: () => Promise<void>): Promise<void> {
  try {
    await operation()
  } catch (cause) {
    throw new CofferError('store-failed', `Deno KV could not ${what}`, { cause })
  }
}
