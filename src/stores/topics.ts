import type { Unsubscribe } from './bus.ts'

/** Who waits for which topic in this process: what every bus has in common. */
export interface Topics {
  /** Adds one to those that wait. The same function may be added several times. */
  add(topic: string, wake: () => void): Unsubscribe
  /** Whether anybody waits for the topic. */
  has(topic: string): boolean
  /** The topics that anybody waits for. */
  names(): readonly string[]
  /** Wakes those that wait for the topic. */
  wake(topic: string): void
  /** Wakes everybody: wake-ups may have been lost. */
  wakeAll(): void
  /** Forgets everybody. */
  clear(): void
}

/** Makes an empty one. */
export function createTopics(): Topics {
  const topics = new Map<string, Set<() => void>>()

  function wake(topic: string): void {
    for (const subscriber of [...(topics.get(topic) ?? [])]) subscriber()
  }

  return {
    add(topic, wake) {
      // A function of its own: the same `wake` may be there twice.
      const subscriber = (): void => wake()
      const subscribers = topics.get(topic) ?? new Set()
      topics.set(topic, subscribers.add(subscriber))
      return () => {
        subscribers.delete(subscriber)
        if (subscribers.size === 0 && topics.get(topic) === subscribers) topics.delete(topic)
      }
    },
    has: (topic) => topics.has(topic),
    names: () => [...topics.keys()],
    wake,
    wakeAll() {
      for (const topic of [...topics.keys()]) wake(topic)
    },
    clear: () => topics.clear(),
  }
}
