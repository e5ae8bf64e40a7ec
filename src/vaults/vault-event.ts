import type { Json } from '../lib/json.ts'
import { keys } from '../stores/keys.ts'
import type { Entry, Write } from '../stores/store.ts'
import { contentOf, contentText } from './content.ts'
import { itemId } from './item-id.ts'
import type { VaultRecord } from './vault.ts'

/** Something that happened in a vault. */
export interface VaultEvent {
  /** What happened, such as `agent.step`; `vault.…` types are Coffer's own. */
  readonly type: string
  readonly payload: Json
  /** `evt_…`; ordered as text within a vault. */
  readonly eventId: string
  /** `vlt_…` */
  readonly vaultId: string
  /** When, RFC 3339. */
  readonly timestamp: string
}

/** What happens to a vault itself. Nobody else may emit these: readers end with the first and the last. */
export const SYSTEM_EVENTS = ['vault.sealed', 'vault.expiring', 'vault.expired'] as const

/** Type of an event of Coffer's own. */
export type SystemEvent = (typeof SYSTEM_EVENTS)[number]

/** An event that was added to a vault: what becomes of the vault, and the row to write with it. */
export interface Appended {
  readonly vault: VaultRecord
  readonly row: Write
  readonly event: VaultEvent
}

/** What an event says, as one text: whatever is in it, every store can hold it. */
export function eventText(type: string, payload: unknown): string {
  return contentText([type.toWellFormed(), payload], 'event.payload')
}

/** Adds an event to a vault, under the next number. The row stands or falls with that of the vault. */
export function append(vault: VaultRecord, text: string, now: number): Appended {
  const number = vault.events + 1
  const value = { at: now, text }
  return {
    vault: { ...vault, events: number },
    row: { key: keys.vaultEvent(vault.id, number), value, if: 'absent' },
    event: eventFrom(vault.id, number, now, text),
  }
}

/** Reads the row of an event. */
export function eventOf(vault: string, { key, value }: Entry): VaultEvent {
  return eventFrom(vault, numberOf(key), Number(value['at']), String(value['text']))
}

/** The number of an event by its key. */
function numberOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1))
}

/** Whether no event comes after one of this type. */
export function isLast(type: string): boolean {
  return type === 'vault.sealed' || type === 'vault.expired'
}

function eventFrom(vault: string, number: number, at: number, text: string): VaultEvent {
  const [type, payload = null] = contentOf(text) as readonly [string, Json]
  return {
    type,
    payload,
    eventId: itemId('evt', vault, number),
    vaultId: vault,
    timestamp: new Date(at).toISOString(),
  }
}
