import { createLatch } from '../lib/latch.ts'
import { isRefusal, type Refusal } from '../problems/refusal.ts'
import { createEventFeed, type EventFeed, type FeedSource, type Follower } from './event-feed.ts'
import { cursorOf } from './events.ts'
import type { VaultEvent } from './vault-event.ts'

/** How to follow the events of a vault. */
export interface ReadOptions {
  /** `evt_…` of the last event that was seen. Default: none, so that all come. */
  readonly after?: string
  /** Ends the reading, also while it waits. */
  readonly signal?: AbortSignal
}

/** Follows a vault: the events there are, then those that come, each once and in order. */
export interface EventReader {
  /** Whether nothing was left to read when it was opened, and nothing will come: the vault is sealed. */
  readonly isDone: boolean
  /**
   * The next events; none when it was woken before there were any. `null` behind `vault.sealed` or `vault.expired`, when the
   * vault was deleted, and when the reader is closed. One call at a time: what is not asked for is not read, so a slow reader
   * costs no memory.
   *
   * @throws Whatever the store failed with.
   */
  take(): Promise<readonly VaultEvent[] | null>
  /** Lets the `take` that waits, or the next that would, return without events. */
  wake(): void
  /** Ends it, also while it waits. */
  close(): void
}

/** All who follow vaults in this process. Those of one vault share what is read of its news. */
export interface EventReaders {
  /** Begins behind the event of an id, or with the first. */
  open(vault: string, after?: string): Promise<EventReader | Refusal>
  /** Ends them all, and those that are opened later. Resolves when nothing is read any more. */
  close(): Promise<void>
}

/** A Worker may not wait in one request for what is under way in another, which ends with that one. */
const CAN_SHARE = globalThis.navigator?.userAgent !== 'Cloudflare-Workers'

/** Makes what the events of vaults are followed with. */
export function createEventReaders(source: FeedSource): EventReaders {
  const feeds = new Map<string, EventFeed>()
  let isClosed = false

  /** The feed of a vault; a new one begins behind the last event that there is. */
  function feedOf(id: string, events: number): EventFeed {
    const key = CAN_SHARE ? id : crypto.randomUUID()
    const known = feeds.get(key)
    if (known) return known
    const feed = createEventFeed(id, events, source, () => feeds.delete(key))
    feeds.set(key, feed)
    return feed
  }

  return {
    async open(id, after) {
      const held = await source.book.open(id)
      if (isRefusal(held)) return held
      const { vault } = held
      const cursor = cursorOf(vault, after)
      if (isRefusal(cursor)) return cursor
      const isDone = vault.sealedAt !== null && cursor === vault.events
      const reader = createReader(feedOf(id, vault.events), cursor, isDone)
      if (isClosed) reader.close()
      return reader
    },

    async close() {
      isClosed = true
      await Promise.all(Array.from(feeds.values(), (feed) => feed.stop()))
    },
  }
}

function createReader(feed: EventFeed, from: number, isDone: boolean): EventReader {
  const news = createLatch()
  let cursor = from
  let isWoken = false
  let isClosed = false
  const follower: Follower = {
    get cursor() {
      return cursor
    },
    wake: news.set,
  }
  feed.join(follower)

  /** What the feed still has, or else what the store has. */
  async function unseen(): Promise<readonly VaultEvent[]> {
    const count = feed.head - cursor
    return count <= feed.latest.length ? feed.latest.slice(-count) : feed.readAfter(cursor)
  }

  return {
    isDone,

    async take() {
      while (!isClosed && feed.end?.why !== 'stopped') {
        if (cursor < feed.head) {
          const events = await unseen()
          cursor += events.length
          // They are gone: the vault has ended, and this reader was too slow.
          return events.length === 0 ? null : events
        }
        if (feed.end?.why === 'failed') throw feed.end.error
        if (feed.end !== null) return null
        if (isWoken) {
          isWoken = false
          return []
        }
        feed.awaitNews(follower)
        await news.wait()
      }
      return null
    },

    wake() {
      isWoken = true
      news.set()
    },

    close() {
      isClosed = true
      feed.leave(follower)
      news.set()
    },
  }
}

/** What a reader gets, event by event. Closes it in the end. */
export async function* eventsOf(
  reader: EventReader,
  signal: AbortSignal | undefined,
): AsyncGenerator<VaultEvent> {
  signal?.addEventListener('abort', reader.close)
  try {
    for (;;) {
      const events = signal?.aborted ? null : await reader.take()
      if (events === null) return
      for (const event of events) {
        if (signal?.aborted) return
        yield event
      }
    }
  } finally {
    signal?.removeEventListener('abort', reader.close)
    reader.close()
  }
}
