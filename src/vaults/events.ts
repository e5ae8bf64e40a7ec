import type { Clock } from '../lib/clock.ts'
import { invalidOption } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import { prefixRange, type Store } from '../stores/store.ts'
import { fitsInline } from './content.ts'
import { itemNumber } from './item-id.ts'
import type { VaultRecord } from './vault.ts'
import { closedTo, type VaultBook } from './vault-book.ts'
import { append, eventOf, eventText, SYSTEM_EVENTS, type VaultEvent } from './vault-event.ts'

/** Which part of the events of a vault to read. */
export interface EventPage {
  /** `evt_…` of the event before the first one. Default: the first one is the vault's first. */
  readonly after?: string
  /** At most this many, 1 to 1000. Default 100. */
  readonly limit?: number
}

/** The events of vaults. */
export interface Events {
  /**
   * Adds an event.
   *
   * @throws CofferError `invalid-option` for a type that is none, or one of Coffer's own.
   */
  emit(vault: string, type: string, payload: unknown): Promise<VaultEvent | Refusal>
  /** Events of a live vault in order. */
  list(vault: string, page: EventPage): Promise<readonly VaultEvent[] | Refusal>
  /** Events after a number, as they stand. */
  after(vault: string, number: number, limit: number): Promise<readonly VaultEvent[]>
}

/** What {@link createEvents} stands on. */
export interface EventsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly book: VaultBook
}

const MAX_TYPE = 128

/** Opens the events of vaults. */
export function createEvents({ store, clock, book }: EventsOptions): Events {
  async function after(vault: string, number: number, limit: number): Promise<readonly VaultEvent[]> {
    const { end } = prefixRange(keys.vaultEvents(vault))
    const entries = await store.list({ start: keys.vaultEvent(vault, number + 1), end }, { limit })
    return entries.map((entry) => eventOf(vault, entry))
  }

  return {
    after,

    async emit(id, type, payload) {
      checkType(type)
      const text = eventText(type, payload)
      if (!fitsInline(text)) return TOO_LARGE
      return book.change(id, async (held) => {
        const closed = closedTo(held)
        if (closed !== null) return closed
        const { vault, row, event } = append(held.vault, text, clock())
        return { vault, writes: [row], done: () => event }
      })
    },

    async list(id, { after: cursor, limit = 100 }) {
      const held = await book.open(id)
      if (isRefusal(held)) return held
      const number = cursorOf(held.vault, cursor)
      return isRefusal(number) ? number : after(id, number, limit)
    },
  }
}

/**
 * The number of the event that a reader has seen last, 0 for none. Refuses what this vault has not given out: an id of
 * another vault, of an event that is yet to come, or any other text.
 */
export function cursorOf(vault: VaultRecord, cursor: string | undefined): number | Refusal {
  if (cursor === undefined) return 0
  const number = itemNumber('evt', vault.id, cursor)
  return number !== null && number >= 1 && number <= vault.events ? number : UNKNOWN_EVENT
}

/** Whether an event may be emitted under this type. */
function isEventType(type: unknown): type is string {
  return typeof type === 'string' && type !== '' && type.length <= MAX_TYPE && !isSystem(type)
}

function isSystem(type: string): boolean {
  return SYSTEM_EVENTS.some((system) => system === type)
}

function checkType(type: string): void {
  if (isEventType(type)) return
  invalidOption('event.type', `text of 1 to ${MAX_TYPE} characters other than ${SYSTEM_EVENTS.join(', ')}`)
}

const TOO_LARGE = refuse('body-too-large', 'The event is too large: put its content into a document.', {
  expected: 'at most 48 KiB',
})
const UNKNOWN_EVENT = refuse('bad-request', 'The event id is not of an event of this vault.')
