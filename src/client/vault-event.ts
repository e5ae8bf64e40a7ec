import { isJsonObject, type Json } from '../lib/json.ts'
import type { ReadEvent } from '../lib/sse.ts'
import { CofferError } from '../problems/error.ts'

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

/** What goes back to the server in a field, for the events that come after it. */
const EVENT_ID = /^[\x21-\x7e]{1,256}$/

/**
 * Reads what an event of a stream carries.
 *
 * @throws CofferError `invalid-events` for anything else than an event of a vault.
 */
export function vaultEventOf({ id, data }: ReadEvent): VaultEvent {
  const event = parse(data)
  if (event === null || event.eventId !== id || !EVENT_ID.test(id)) {
    throw new CofferError('invalid-events', 'the server sent something else than an event of a vault')
  }
  return event
}

/** Whether no event comes after this one. */
export function isLastEvent({ type }: VaultEvent): boolean {
  return type === 'vault.sealed' || type === 'vault.expired'
}

function parse(data: string): VaultEvent | null {
  try {
    const value: unknown = JSON.parse(data)
    return isVaultEvent(value) ? value : null
  } catch {
    return null
  }
}

function isVaultEvent(value: unknown): value is VaultEvent {
  const texts = ['type', 'eventId', 'vaultId', 'timestamp']
  return isJsonObject(value) && 'payload' in value && texts.every((name) => typeof value[name] === 'string')
}
