import type { Bus } from '../stores/bus.ts'
import { check, checkRejects } from './check.ts'
import type { ContractRunner } from './store-contract.ts'

/**
 * Opens two buses on one engine, as two processes would; or the same one twice, when it serves one process only. The
 * contract closes both after one test. What others publish on the engine must not reach them.
 */
export type BusFactory = () => Promise<readonly [Bus, Bus]>

/** How long a wake-up may take. Far above what any engine needs, for machines that are busy. */
const PATIENCE_MS = 20_000

/**
 * Proves that a bus does what {@link Bus} says, one test for each promise.
 *
 * @example
 * ```ts
 * import { describe, it } from 'vitest'
 * import { busContract } from 'coffer/testing'
 *
 * busContract({ describe, it }, async () => [await myBus(url), await myBus(url)])
 * ```
 */
export function busContract({ describe, it }: ContractRunner, factory: BusFactory): void {
  const proves = (name: string, body: (one: Bus, other: Bus) => Promise<void>): void => {
    it(name, async () => {
      const [one, other] = await factory()
      try {
        await body(one, other)
      } finally {
        await Promise.all([one.close(), other.close()])
      }
    })
  }

  describe('bus: wake-ups', () => {
    proves('reach who subscribed before they were published, whoever publishes', async (one, other) => {
      for (const [publisher, subscriber] of [
        [one, one] as const,
        [one, other] as const,
        [other, one] as const,
      ]) {
        for (let round = 0; round < 20; round++) {
          const waiter = createWaiter()
          await subscriber.subscribe(`topic/${round}`, waiter.wake)
          await publisher.publish(`topic/${round}`)
          await waiter.woken()
        }
      }
    })

    proves('reach all subscribers of a topic, and nobody else', async (one, other) => {
      const waiters = [one, one, other, other].map((bus) => ({ bus, waiter: createWaiter() }))
      for (const { bus, waiter } of waiters) await bus.subscribe('a', waiter.wake)
      const stranger = createWaiter()
      for (const bus of [one, other]) {
        for (const topic of ['b', 'A', 'a ', 'aa']) await bus.subscribe(topic, stranger.wake)
      }
      for (let round = 1; round <= 3; round++) {
        await one.publish('a')
        for (const { waiter } of waiters) await waiter.woken(round)
      }
      check(stranger.count() === 0, `no wake-up of another topic, got ${stranger.count()}`)
    })

    proves('reach who subscribes to a topic while another does', async (one, other) => {
      for (let round = 0; round < 20; round++) {
        const waiter = createWaiter()
        const first = one.subscribe(`topic/${round}`, () => {})
        await one.subscribe(`topic/${round}`, waiter.wake)
        await other.publish(`topic/${round}`)
        await waiter.woken()
        await first
      }
    })

    proves('reach a hundred topics of one bus', async (one, other) => {
      const waiters = Array.from({ length: 100 }, (_, n) => ({ topic: `topic/${n}`, waiter: createWaiter() }))
      await Promise.all(waiters.map(({ topic, waiter }) => one.subscribe(topic, waiter.wake)))
      await Promise.all(waiters.map(({ topic }) => other.publish(topic)))
      await Promise.all(waiters.map(({ waiter }) => waiter.woken()))
    })

    proves('that nobody waits for are no error', async (one) => {
      await one.publish('nobody')
    })

    proves('of a burst may be few, but one comes after the last', async (one, other) => {
      const burst = 500
      let written = 0
      let seen = 0
      const reader = createWaiter(() => {
        seen = written
      })
      await one.subscribe('a', reader.wake)
      const published: Promise<void>[] = []
      while (written < burst) {
        written++
        published.push(other.publish('a'))
        if (written % 50 === 0) await pause()
      }
      await Promise.all(published)
      while (seen < burst) await reader.woken(reader.count() + 1)
    })
  })

  describe('bus: subscriptions', () => {
    proves('of the same function are separate, and each ends once', async (one, other) => {
      const [twice, marker] = [createWaiter(), createWaiter()]
      const first = await one.subscribe('a', twice.wake)
      const second = await one.subscribe('a', twice.wake)
      await one.subscribe('a', marker.wake)
      first()
      first()
      await other.publish('a')
      await twice.woken()
      second()
      const before = twice.count()
      await publishTwice(other, 'a', marker)
      check(twice.count() === before, 'no wake-up after both have ended')
    })

    proves('that end leave others of the topic', async (one, other) => {
      const [ended, ...others] = [createWaiter(), createWaiter(), createWaiter()]
      const unsubscribe = await one.subscribe('a', ended.wake)
      await one.subscribe('a', others[0].wake)
      await other.subscribe('a', others[1].wake)
      unsubscribe()
      for (const waiter of others) await publishTwice(other, 'a', waiter)
      check(ended.count() === 0, 'no wake-up after the end')
    })

    proves('can end and begin again at once', async (one, other) => {
      let unsubscribe = await one.subscribe('a', () => {})
      for (let round = 0; round < 20; round++) {
        const waiter = createWaiter()
        unsubscribe()
        unsubscribe = await one.subscribe('a', waiter.wake)
        await other.publish('a')
        await waiter.woken()
      }
    })
  })

  describe('bus: topics', () => {
    const odd = [
      'a b',
      "a'b",
      'a"b',
      'a\\b',
      'a;--',
      'a*',
      'a?',
      '[a]',
      '%s',
      'a\n',
      '\u0001',
      'é',
      'e\u0301',
      '😀',
      '*',
      '0',
    ]
    proves('that are odd or long are topics', async (one, other) => {
      for (const topic of [...odd, 'x'.repeat(512), 'é'.repeat(256)]) {
        const waiter = createWaiter()
        await one.subscribe(topic, waiter.wake)
        await other.publish(topic)
        await waiter.woken()
      }
    })

    for (const [name, topic] of Object.entries({
      'an empty topic': '',
      'a topic with U+0000': 'a\0b',
      'a topic with half a surrogate pair': 'a\ud83d',
      'a topic of 513 bytes': `${'é'.repeat(256)}a`,
    })) {
      proves(`${name} is refused`, async (one) => {
        await checkRejects(one.publish(topic), 'invalid-option')
        await checkRejects(
          one.subscribe(topic, () => {}),
          'invalid-option',
        )
      })
    }
  })

  describe('bus: the end', () => {
    proves('a closed bus wakes nobody, and other buses go on', async (one, other) => {
      const [ended, marker] = [createWaiter(), createWaiter()]
      const unsubscribe = await one.subscribe('a', ended.wake)
      await other.subscribe('a', marker.wake)
      await one.close()
      // The same bus twice is closed as well.
      if (one !== other) await publishTwice(other, 'a', marker)
      unsubscribe()
      check(ended.count() === 0, 'no wake-up after the end')
    })

    proves('a closed bus refuses every call, and closing it again does nothing', async (one) => {
      await one.close()
      await one.close()
      await checkRejects(one.publish('a'), 'invalid-state')
      await checkRejects(
        one.subscribe('a', () => {}),
        'invalid-state',
      )
    })
  })
}

/** Twice, because the subscribers of one wake-up are woken in any order. */
async function publishTwice(bus: Bus, topic: string, marker: Waiter): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const before = marker.count()
    await bus.publish(topic)
    await marker.woken(before + 1)
  }
}

interface Waiter {
  readonly wake: () => void
  count(): number
  /** Resolves once there were so many wake-ups. */
  woken(count?: number): Promise<void>
}

function createWaiter(onWake = (): void => {}): Waiter {
  let wakeUps = 0
  let tell = (): void => {}
  return {
    wake() {
      wakeUps++
      onWake()
      tell()
    },
    count: () => wakeUps,
    async woken(count = 1) {
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), PATIENCE_MS)
      })
      const enough = new Promise<true>((resolve) => {
        tell = () => {
          if (wakeUps >= count) resolve(true)
        }
        tell()
      })
      const isWoken = await Promise.race([enough, late])
      clearTimeout(timer)
      check(isWoken, `wake-up number ${count} within ${PATIENCE_MS} ms, got ${wakeUps}`)
    },
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
