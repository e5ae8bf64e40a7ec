import { describe, expect, it } from 'vitest'
import { keys } from '../../src/stores/keys.ts'
import { memoryBus } from '../../src/stores/memory-bus.ts'
import { createEventFeed, type Follower } from '../../src/vaults/event-feed.ts'
import { createWorld } from './world.ts'

/** A feed of a new vault, whose followers take what they are told to. */
async function createFeed() {
  const bus = memoryBus()
  const { vaults, time, store } = createWorld({ bus })
  const vault = await vaults.create()
  const { book, events, lifecycle } = vaults.core
  let ends = 0
  const source = { clock: () => time.now, bus, book, events, expire: lifecycle.expire }
  const feed = createEventFeed(vault.id, 0, source, () => void ends++)
  return {
    store,
    vault,
    feed,
    ends: () => ends,
    follow(): Follower & { cursor: number } {
      const follower = { cursor: 0, wake: () => {} }
      feed.join(follower)
      return follower
    },
    /** Resolves when there is something new for a follower. */
    news: (follower: Follower) =>
      new Promise<void>((resolve) => {
        follower.wake = resolve
        feed.awaitNews(follower)
      }),
  }
}

describe('a feed', () => {
  it('keeps what somebody may still want, and no more than a page of it', async () => {
    const { vault, feed, follow, news } = await createFeed()
    const [quick, slow] = [follow(), follow()]
    for (let n = 1; n <= 200; n++) {
      const waiting = news(quick)
      await vault.emit('n', n)
      await waiting
      expect(feed.head).toBe(n)
      expect(feed.latest.map(({ payload }) => payload)).toEqual(
        Array.from({ length: Math.min(n, 64) }, (_, at) => n - Math.min(n, 64) + at + 1),
      )
      quick.cursor = n
    }
    slow.cursor = 200
    const waiting = news(quick)
    await vault.emit('n', 201)
    await waiting
    expect(feed.latest.map(({ payload }) => payload)).toEqual([201])
    expect((await feed.readAfter(10))[0]?.payload).toBe(11)
  })

  it('reads no further than to the first event that is gone', async () => {
    const { vault, feed, store } = await createFeed()
    for (let n = 1; n <= 30; n++) await vault.emit('n', n)
    for (const number of [12, 20])
      await store.commit([{ key: keys.vaultEvent(vault.id, number), value: null }])
    expect(await feed.readAfter(5)).toEqual([])
    expect(await feed.readAfter(11)).toEqual([])
    expect(await feed.readAfter(20)).toHaveLength(10)
    await feed.stop()
  })

  it('is over, once, when nobody follows it any more', async () => {
    const { feed, follow, ends } = await createFeed()
    const [first, second] = [follow(), follow()]
    feed.leave(first)
    expect([feed.end, ends()]).toEqual([null, 0])
    feed.leave(second)
    feed.leave(second)
    await feed.stop()
    expect([feed.end, ends()]).toEqual([{ why: 'stopped' }, 1])
  })

  it('wakes those who wait when it is stopped, and says that it has read enough', async () => {
    const { feed, follow, news, ends } = await createFeed()
    const waiting = news(follow())
    await feed.stop()
    await waiting
    expect(ends()).toBe(1)
  })
})
