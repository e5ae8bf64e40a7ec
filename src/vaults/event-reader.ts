import type { Clock } from '../lib/clock.ts'
import { isRefusal, type Refusal } from '../problems/refusal.ts'
import type { Bus } from '../stores/bus.ts'
import { cursorOf, type Events } from './events.ts'
import { itemNumber } from './item-id.ts'
import { hasEnded, type VaultRecord } from './vault.ts'
import { topicOf, type VaultBook } from './vault-book.ts'
import { isLast, type VaultEvent } from './vault-event.ts'

/** How to follow the events of a vault. */
export interface ReadOptions {
  /** `evt_…` of the last event that was seen. Default: none, so that all come. */
  readonly after?: string
  /** Ends the reading, also while it waits. */
  readonly signal?: AbortSignal
}

/**
 * Follows a vault: the events there are, then those that come, each once and in order. Ends behind `vault.sealed` or
 * `vault.expired`, when the vault is deleted, or with the signal.
 *
 * Reads on only when the last event was taken, so a slow reader costs no memory.
 */
export type ReadEvents = (
  vault: string,
  options: ReadOptions,
) => Promise<AsyncGenerator<VaultEvent> | Refusal>

/** What {@link createEventReader} stands on. */
export interface EventReaderOptions {
  readonly clock: Clock
  readonly bus: Bus | null
  readonly book: VaultBook
  readonly events: Events
  /** Ends a vault whose time has come, unless somebody has: not every process runs a worker. */
  readonly expire: (vault: string) => Promise<unknown>
}

const PAGE = 64
/** How long a wake-up may be lost. */
const POLL_WITH_BUS_MS = 5000
const POLL_MS = 1000

/** Makes what readers use. */
export function createEventReader(options: EventReaderOptions): ReadEvents {
  return async (id, { after, signal }) => {
    const held = await options.book.open(id)
    if (isRefusal(held)) return held
    const cursor = cursorOf(held.vault, after)
    return isRefusal(cursor) ? cursor : follow(id, cursor, signal, options)
  }
}

async function* follow(
  id: string,
  from: number,
  signal: AbortSignal | undefined,
  { clock, bus, book, events, expire }: EventReaderOptions,
): AsyncGenerator<VaultEvent> {
  let cursor = from
  const wakeUps = createLatch()
  signal?.addEventListener('abort', wakeUps.set)
  // Before the first look: what is committed after that look wakes us.
  const unsubscribe = (await bus?.subscribe(topicOf(id), wakeUps.set).catch(() => null)) ?? null
  const pollMs = unsubscribe === null ? POLL_MS : POLL_WITH_BUS_MS
  try {
    while (!signal?.aborted) {
      const vault = await look(id)
      const page = vault !== null && vault.events > cursor ? await events.after(id, cursor, PAGE) : []
      for (const event of page) {
        const number = itemNumber('evt', id, event.eventId)
        // A reader that was too slow for a vault that has ended: what it has not seen was purged.
        if (signal?.aborted || number !== cursor + 1) return
        yield event
        if (isLast(event.type)) return
        cursor = number
      }
      if (page.length === PAGE) continue
      if (vault === null || vault.endedAt !== null) return
      if (vault.sealedAt !== null && vault.events <= cursor) return
      await wakeUps.wait(Math.min(pollMs, (vault.expiresAt ?? Infinity) - clock()))
    }
  } finally {
    unsubscribe?.()
    signal?.removeEventListener('abort', wakeUps.set)
  }

  /** The vault as it is now, ended if its time has come. */
  async function look(id: string): Promise<VaultRecord | null> {
    const vault = (await book.find(id))?.vault ?? null
    if (vault === null || vault.endedAt !== null || !hasEnded(vault, clock())) return vault
    await expire(id)
    return (await book.find(id))?.vault ?? null
  }
}

/** Remembers one wake-up until somebody waits for it. */
function createLatch(): { readonly set: () => void; readonly wait: (ms: number) => Promise<void> } {
  let isSet = false
  let release = (): void => {}
  return {
    set() {
      isSet = true
      release()
    },
    async wait(ms) {
      if (!isSet) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.max(0, ms))
          release = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      isSet = false
    },
  }
}
