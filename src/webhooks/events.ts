import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { enqueue } from '../settlement/outbox.ts'
import type { Write } from '../stores/store.ts'

/** Every type of event that endpoints can subscribe to. */
export const EVENT_TYPES = [
  'payment.received',
  'payment.settled',
  'payment.failed',
  'session.created',
  'vault.sealed',
  'vault.expiring',
  'vault.expired',
] as const

/** Type of an event that is sent. */
export type EventType = (typeof EVENT_TYPES)[number]

/** What an endpoint receives (Standard Webhooks 1.0). */
export interface WebhookEvent {
  /** What happened. Newer senders have more types: pass over those that mean nothing to you. */
  readonly type: EventType | (string & {})
  /** When it happened, RFC 3339. */
  readonly timestamp: string
  /** What it happened to. */
  readonly data: JsonObject
}

/** An event on its way to its endpoints. */
export interface QueuedEvent {
  /** `evt_…`: the `webhook-id` of its messages. */
  readonly id: string
  readonly type: EventType
  /** When it happened, epoch milliseconds. */
  readonly at: number
  readonly data: JsonObject
}

/**
 * The promise to tell the endpoints of an event: a row for the very commit that makes it true.
 *
 * @param now - When it happens, epoch milliseconds.
 * @param id - A new `evt_…`.
 */
export function eventJob(type: EventType, data: JsonObject, now: number, id: string): Write {
  return enqueue({ id: `event:${id}`, kind: 'event', data: { id, type, at: now, data } }, now)
}

/** Reads what {@link eventJob} wrote. */
export function queuedEvent(data: JsonObject): QueuedEvent {
  return data as unknown as QueuedEvent
}

/** The body of an event's messages. */
export function eventBody({ type, at, data }: QueuedEvent): string {
  const event: WebhookEvent = { type, timestamp: new Date(at).toISOString(), data }
  return JSON.stringify(event)
}

/** Whether a parsed body is an event. */
export function isWebhookEvent(value: JsonObject | null): value is WebhookEvent & JsonObject {
  if (value === null) return false
  const { type, timestamp, data } = value
  return typeof type === 'string' && typeof timestamp === 'string' && data !== undefined && isJsonObject(data)
}
