import type { Notifier } from '../hooks/notifier.ts'
import type { Clock } from '../lib/clock.ts'
import { createId, type Random } from '../lib/id.ts'
import type { JsonObject } from '../lib/json.ts'
import type { JobHandler } from '../settlement/worker.ts'
import type { Store, Write } from '../stores/store.ts'
import { createDeliverer } from './deliverer.ts'
import type { Delivery } from './delivery.ts'
import { createDeliveryLog, type DeliveryList, type DeliveryPage } from './delivery-log.ts'
import type { UrlRules } from './endpoint-url.ts'
import { createEndpoints, type EndpointBook } from './endpoints.ts'
import { type EventType, eventJob } from './events.ts'
import { createFanOut } from './fan-out.ts'
import type { Sender } from './post.ts'
import { createSecretBox } from './secret-box.ts'

/** Makes {@link Webhooks} once the configuration is known. */
export type WebhooksFactory = (environment: WebhooksEnvironment) => Webhooks

/** What webhooks use of the configuration. */
export interface WebhooksEnvironment {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** The first encrypts the secrets of endpoints, all decrypt. */
  readonly secrets: readonly Uint8Array[]
  readonly notifier: Notifier
}

/** Webhooks, bound to a configuration. */
export interface Webhooks {
  /** What the worker runs. A lease must outlast the time-out of a try, 10 seconds. */
  readonly handlers: { readonly event: JobHandler; readonly webhook: JobHandler }
  /** The promise to tell the endpoints of an event that happens now: a row for the very commit that makes it true. */
  event(type: EventType, data: JsonObject): Write
  readonly endpoints: WebhookEndpoints
}

/** What the seller does with webhooks. */
export interface WebhookEndpoints extends EndpointBook {
  /**
   * What an endpoint was sent, newest first; also one that was deleted.
   *
   * @throws CofferError `invalid-option` for a limit or cursor that is none.
   */
  deliveries(id: string, page?: DeliveryPage): Promise<DeliveryList>
  /**
   * Sends a message again, under its own id: one that was delivered, or one that was given up. Leaves one alone that is
   * on its way. `null` when there is no such delivery any more.
   */
  replay(deliveryId: string): Promise<Delivery | null>
}

/** What {@link createWebhooks} stands on besides its environment. */
export interface WebhooksParts {
  readonly send: Sender
  readonly rules: UrlRules
  /** How long a replaced secret signs on, milliseconds. */
  readonly rotationGraceMs: number
}

const TIMEOUT_MS = 10_000

/** Binds webhooks to a configuration. */
export function createWebhooks(
  { send, rules, rotationGraceMs }: WebhooksParts,
  { store, clock, random, secrets, notifier }: WebhooksEnvironment,
): Webhooks {
  const box = createSecretBox(secrets, random)
  const endpoints = createEndpoints({ store, clock, random, box, rules, rotationGraceMs })
  const log = createDeliveryLog(store, clock)
  return {
    handlers: {
      event: createFanOut(endpoints, clock),
      webhook: createDeliverer({
        endpoints,
        log,
        rules,
        send,
        clock,
        random,
        notifier,
        timeoutMs: TIMEOUT_MS,
      }),
    },
    event: (type, data) => eventJob(type, data, clock(), createId('evt', random)),
    endpoints: {
      create: endpoints.create,
      get: endpoints.get,
      list: endpoints.list,
      update: endpoints.update,
      delete: endpoints.delete,
      rotateSecret: endpoints.rotateSecret,
      deliveries: log.list,
      replay: log.replay,
    },
  }
}
