import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { type UrlRules, urlFault } from './endpoint-url.ts'
import { EVENT_TYPES, type EventType } from './events.ts'

/** Where events are sent. */
export interface Endpoint {
  /** `wh_…` */
  readonly id: string
  readonly url: string
  /** Types of events that it is told of; `'*'` for all, also those of later versions. */
  readonly events: '*' | readonly EventType[]
  /** Whether it is told of anything. */
  readonly enabled: boolean
  /** `gone`: it answered 410 and was disabled for that. `null` while it is enabled, and when you disabled it. */
  readonly disabledReason: 'gone' | null
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** An endpoint with the secret it was just given. No later call shows the secret. */
export interface IssuedEndpoint extends Endpoint {
  /** What signs its messages, `whsec_…`. */
  readonly secret: string
}

/** What an endpoint is made of. */
export interface NewEndpoint {
  /** An https URL on the public Internet, at most 2048 characters, without user name and password. */
  readonly url: string
  /** Types of events to be told of. Default `'*'`. */
  readonly events?: '*' | readonly EventType[]
}

/** What can be changed about an endpoint. What is left out stays. */
export interface EndpointChanges {
  readonly url?: string
  readonly events?: '*' | readonly EventType[]
  /** `false` sends nothing, and gives up what is under way; `true` makes a disabled endpoint receive again. */
  readonly enabled?: boolean
}

/** An endpoint as the store keeps it. */
export interface StoredEndpoint extends Endpoint {
  /** Newest first: all of them sign. */
  readonly secrets: readonly SealedSecret[]
}

/** A secret that only the configuration's own can open. */
export interface SealedSecret {
  readonly sealed: string
  /** Until when it signs, epoch milliseconds; `null` for the newest. */
  readonly until: number | null
}

/** More secrets than this sign at once only when somebody rotates without end. */
const MAX_SECRETS = 8

/** What callers see of an endpoint. */
export function publicEndpoint({ secrets: _, ...endpoint }: StoredEndpoint): Endpoint {
  return endpoint
}

/** Whether an endpoint is told of events of a type. */
export function isSubscribed({ enabled, events }: Endpoint, type: EventType): boolean {
  return enabled && (events === '*' || events.includes(type))
}

/** The secrets that sign now. */
export function liveSecrets({ secrets }: StoredEndpoint, now: number): readonly SealedSecret[] {
  return secrets.filter(({ until }) => until === null || until > now)
}

/** Puts a new secret in front. The one that it replaces signs on until an instant. */
export function rotated(
  endpoint: StoredEndpoint,
  sealed: string,
  now: number,
  graceUntil: number,
): StoredEndpoint {
  const old = liveSecrets(endpoint, now).map((secret) => ({ ...secret, until: secret.until ?? graceUntil }))
  return { ...endpoint, secrets: [{ sealed, until: null }, ...old].slice(0, MAX_SECRETS) }
}

/**
 * Checks a new endpoint and fills in its default.
 *
 * @throws CofferError `invalid-option` naming what is wrong. Never shows the URL, which may be secret.
 */
export function readNew(endpoint: NewEndpoint, rules: UrlRules): Required<NewEndpoint> {
  refuseUnknownOptions(endpoint, ['url', 'events'], 'endpoint')
  return { url: readUrl(endpoint.url, rules), events: readEvents(endpoint.events ?? '*') }
}

/**
 * Checks the changes of an endpoint.
 *
 * @throws CofferError `invalid-option` naming what is wrong.
 */
export function readChanges(changes: EndpointChanges, rules: UrlRules): Partial<StoredEndpoint> {
  refuseUnknownOptions(changes, ['url', 'events', 'enabled'], 'endpoint')
  const { url, events, enabled } = changes
  return {
    ...(url !== undefined && { url: readUrl(url, rules) }),
    ...(events !== undefined && { events: readEvents(events) }),
    ...(enabled !== undefined && { enabled: readEnabled(enabled), disabledReason: null }),
  }
}

/** In the one form that the URL parser writes. */
function readUrl(url: string, rules: UrlRules): string {
  const fault = urlFault(url, rules)
  return fault === null ? new URL(url).href : invalidOption('endpoint.url', fault)
}

function readEvents(events: '*' | readonly EventType[]): '*' | readonly EventType[] {
  const expected = `'*' or some of ${EVENT_TYPES.join(', ')}`
  if (events === '*') return events
  if (!Array.isArray(events) || events.length === 0) return invalidOption('endpoint.events', expected)
  for (const type of events) if (!EVENT_TYPES.includes(type)) invalidOption('endpoint.events', expected, type)
  return [...new Set(events)]
}

function readEnabled(enabled: boolean): boolean {
  return typeof enabled === 'boolean' ? enabled : invalidOption('endpoint.enabled', 'true or false', enabled)
}
