import type { Clock } from '../lib/clock.ts'
import { createLatch } from '../lib/latch.ts'
import type { Bus, Unsubscribe } from '../stores/bus.ts'
import type { Events } from './events.ts'
import { itemNumber } from './item-id.ts'
import { hasEnded, type VaultRecord } from './vault.ts'
import { topicOf, type VaultBook } from './vault-book.ts'
import type { VaultEvent } from './vault-event.ts'

/** The news of one vault, read once for all who follow it in this process. */
export interface EventFeed {
  /** Number of the last event that it has come to. */
  readonly head: number
  /** The events up to that one, in order, as far back as they are kept. */
  readonly latest: readonly VaultEvent[]
  /** Why nothing comes after the head; `null` while something may. */
  readonly end: FeedEnd | null
  /** Reads events after a number once more, for who is further behind. None when they are gone. */
  readAfter(number: number): Promise<readonly VaultEvent[]>
  join(follower: Follower): void
  leave(follower: Follower): void
  /** Wakes a follower, once, when the head or the end is another. */
  awaitNews(follower: Follower): void
  /** Goes on no further. Resolves when nothing is read any more. */
  stop(): Promise<void>
}

/** Who follows a feed. */
export interface Follower {
  /** Number of the last event that it has taken. */
  readonly cursor: number
  wake(): void
}

/** How a feed came to its end. Once it was stopped, its followers read nothing more; else they still get what came before. */
export type FeedEnd =
  | { readonly why: 'vault-ended' | 'stopped' }
  | { readonly why: 'failed'; readonly error: unknown }

/** What feeds read from. */
export interface FeedSource {
  readonly clock: Clock
  readonly bus: Bus | null
  readonly book: VaultBook
  readonly events: Events
  /** Ends a vault whose time has come, unless somebody has: not every process runs a worker. */
  readonly expire: (vault: string) => Promise<unknown>
}

/** How many events are read at once, and how many are kept for all. */
const PAGE = 64
/** How long a wake-up may be lost. */
const POLL_WITH_BUS_MS = 5000
const POLL_MS = 1000

/**
 * Opens a feed behind an event. It reads while somebody waits for more, so it is as fast as the fastest of its followers.
 *
 * @param onEnd - Called when it has come to its end: that of the vault, or because nobody follows it any more. It is of no use to
 * others then.
 */
export function createEventFeed(id: string, from: number, source: FeedSource, onEnd: () => void): EventFeed {
  const { clock, bus, book, events, expire } = source
  const followers = new Set<Follower>()
  const waiting = new Set<Follower>()
  const wakeUps = createLatch()
  let unsubscribe: Unsubscribe | null = null
  let isParked = false
  let head = from
  let latest: readonly VaultEvent[] = []
  let end: FeedEnd | null = null

  async function run(): Promise<void> {
    try {
      // Before the first look: what is committed after that look wakes us.
      const isSubscribed = await subscribe()
      const pollMs = isSubscribed ? POLL_WITH_BUS_MS : POLL_MS
      while (end === null) {
        const vault = await look()
        if (vault === null || !(await readOn(vault))) finish({ why: 'vault-ended' })
        else if (waiting.size === 0) await park()
        else if (head === vault.events) {
          await wakeUps.wait(Math.min(pollMs, (vault.expiresAt ?? Infinity) - clock()))
        }
      }
    } catch (error) {
      finish({ why: 'failed', error })
    }
  }

  async function subscribe(): Promise<boolean> {
    const subscribed = (await bus?.subscribe(topicOf(id), wakeUps.set).catch(() => null)) ?? null
    if (end === null) unsubscribe = subscribed
    else subscribed?.()
    return subscribed !== null
  }

  /** The vault as it is now, ended if its time has come. */
  async function look(): Promise<VaultRecord | null> {
    const vault = (await book.find(id))?.vault ?? null
    if (vault === null || vault.endedAt !== null || !hasEnded(vault, clock())) return vault
    await expire(id)
    return (await book.find(id))?.vault ?? null
  }

  /** Reads a page of what is new. `false` when nothing more will come. */
  async function readOn(vault: VaultRecord): Promise<boolean> {
    if (head < vault.events) {
      const page = await readAfter(head)
      if (page.length === 0) return false
      publish(page)
    }
    return head < vault.events || (vault.sealedAt === null && vault.endedAt === null)
  }

  async function readAfter(number: number): Promise<readonly VaultEvent[]> {
    const page = await events.after(id, number, PAGE)
    // Of a vault that has ended, the purge takes one event after the other.
    const isWhole = page.every(({ eventId }, at) => itemNumber('evt', id, eventId) === number + 1 + at)
    return isWhole ? page : []
  }

  /** Keeps events for those who have not taken them, unless these are more than a page behind. */
  function publish(page: readonly VaultEvent[]): void {
    let taken = head
    for (const { cursor } of followers) taken = Math.min(taken, cursor)
    const unseen = taken < head ? latest.slice(taken - head) : []
    latest = [...unseen, ...page].slice(-PAGE)
    head += page.length
    wakeAll()
  }

  function wakeAll(): void {
    for (const follower of waiting) follower.wake()
    waiting.clear()
  }

  /** Until somebody waits, there is nothing to read for. */
  async function park(): Promise<void> {
    isParked = true
    while (end === null && waiting.size === 0) await wakeUps.wait()
    isParked = false
  }

  function finish(how: FeedEnd): void {
    if (end !== null) return
    end = how
    unsubscribe?.()
    onEnd()
    wakeAll()
    wakeUps.set()
  }

  const running = run()
  return {
    get head() {
      return head
    },
    get latest() {
      return latest
    },
    get end() {
      return end
    },
    readAfter,
    join: (follower) => void followers.add(follower),
    leave(follower) {
      followers.delete(follower)
      waiting.delete(follower)
      if (followers.size === 0) finish({ why: 'stopped' })
    },
    awaitNews(follower) {
      waiting.add(follower)
      if (isParked) wakeUps.set()
    },
    stop() {
      finish({ why: 'stopped' })
      return running
    },
  }
}
