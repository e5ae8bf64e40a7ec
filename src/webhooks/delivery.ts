import type { JsonObject } from '../lib/json.ts'
import { enqueue } from '../settlement/outbox.ts'
import { instant, keys } from '../stores/keys.ts'
import type { Entry, Write } from '../stores/store.ts'
import type { Endpoint } from './endpoint.ts'
import { type EventType, eventBody, type QueuedEvent } from './events.ts'
import type { PostResult } from './post.ts'

/** What became of one event at one endpoint. Kept for 30 days after the last try. */
export interface Delivery {
  /** Names the endpoint, the time and the event, in this order. */
  readonly id: string
  /** `wh_…` */
  readonly endpoint: string
  /** `evt_…`: the `webhook-id` of every try, and of replays. */
  readonly event: string
  readonly type: EventType
  /** What is sent: the event as JSON. */
  readonly body: string
  /** `dead`: given up, after three days or because the endpoint is gone. */
  readonly status: 'pending' | 'delivered' | 'dead'
  /** When the event happened, epoch milliseconds. */
  readonly createdAt: number
  /** When the first try of this round was made, epoch milliseconds; a replay begins a new round. */
  readonly firstTriedAt: number | null
  /** The last 20 tries, in order. */
  readonly attempts: readonly DeliveryAttempt[]
  /** The start of the last answer there was. */
  readonly answer: string | null
}

/** One try. */
export interface DeliveryAttempt extends Pick<PostResult, 'status' | 'error'> {
  /** When, epoch milliseconds. */
  readonly at: number
  /** How long it took, milliseconds. */
  readonly ms: number
}

const KEPT_MS = 30 * 24 * 3_600_000
const MAX_ATTEMPTS = 20

/** An event that an endpoint has not been told of. */
export function newDelivery(event: QueuedEvent, endpoint: Endpoint): Delivery {
  return {
    id: `${endpoint.id}.${instant(event.at)}.${event.id}`,
    endpoint: endpoint.id,
    event: event.id,
    type: event.type,
    body: eventBody(event),
    status: 'pending',
    createdAt: event.at,
    firstTriedAt: null,
    attempts: [],
    answer: null,
  }
}

/** Notes a try that began at one instant and ended at another, epoch milliseconds. */
export function tried(
  delivery: Delivery,
  { status, error, answer }: PostResult,
  at: number,
  now: number,
): Delivery {
  return {
    ...delivery,
    firstTriedAt: delivery.firstTriedAt ?? at,
    attempts: [...delivery.attempts, { status, at, ms: now - at, error }].slice(-MAX_ATTEMPTS),
    answer: answer ?? delivery.answer,
  }
}

/** The row of a delivery. */
export function deliveryRow(delivery: Delivery, now: number): Write {
  return { key: keys.delivery(delivery.id), value: toJson(delivery), expiresAt: now + KEPT_MS }
}

/** The promise to make a delivery. */
export function deliveryJob({ id }: Delivery, now: number): Write {
  return enqueue({ id: deliveryJobId(id), kind: 'webhook', data: { delivery: id } }, now)
}

/** One delivery, one promise. */
export const deliveryJobId = (id: string): string => `webhook:${id}`

/** Reads a row. */
export function deliveryOf({ value }: Entry): Delivery {
  return value as unknown as Delivery
}

const toJson = (delivery: Delivery): JsonObject => delivery as unknown as JsonObject
