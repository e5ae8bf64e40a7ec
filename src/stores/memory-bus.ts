import { CofferError } from '../problems/error.ts'
import type { Bus } from './bus.ts'
import { checkTopic } from './rules.ts'
import { createTopics } from './topics.ts'

/** Wake-ups within this process. Other processes on the same store find out when they poll. */
export function memoryBus(): Bus {
  const topics = createTopics()
  let closed = false

  function check(topic: string): void {
    if (closed) throw new CofferError('invalid-state', 'the bus is closed')
    checkTopic(topic)
  }

  return {
    async publish(topic) {
      check(topic)
      topics.wake(topic)
    },
    async subscribe(topic, wake) {
      check(topic)
      return topics.add(topic, wake)
    },
    async close() {
      closed = true
      topics.clear()
    },
  }
}
