import type { Bus } from './bus.ts'

/** Wake-ups within this process. Other processes on the same store find out when they poll. */
export function memoryBus(): Bus {
  const topics = new Map<string, Set<() => void>>()
  return {
    async publish(topic) {
      for (const wake of [...(topics.get(topic) ?? [])]) wake()
    },
    async subscribe(topic, wake) {
      // A function of its own: the same `wake` may subscribe twice.
      const subscriber = (): void => wake()
      const subscribers = topics.get(topic) ?? new Set()
      topics.set(topic, subscribers.add(subscriber))
      return () => {
        subscribers.delete(subscriber)
        if (subscribers.size === 0 && topics.get(topic) === subscribers) topics.delete(topic)
      }
    },
    async close() {
      topics.clear()
    },
  }
}
