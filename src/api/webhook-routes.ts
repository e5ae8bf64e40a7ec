import * as z from 'zod/mini'
import { refuse } from '../problems/refusal.ts'
import { EVENT_TYPES } from '../webhooks/events.ts'
import type { WebhookEndpoints } from '../webhooks/webhooks.ts'
import { type ApiRoute, type Guard, route } from './route.ts'
import { countUpTo, cursor, instant, nextCursor } from './schemas.ts'

const url = z.string().check(z.maxLength(2048), z.describe('An https URL on the public Internet.'))

const events = z
  .union([z.literal('*'), z.array(z.enum(EVENT_TYPES)).check(z.minLength(1), z.maxLength(100))])
  .check(z.describe('Types of events that it is told of; `*` for all.'))

const endpointMembers = {
  id: z.string(),
  url,
  events,
  enabled: z.boolean(),
  disabledReason: z.nullable(z.literal('gone')),
  createdAt: instant,
}

const endpoint = z.strictObject(endpointMembers)

const issued = z.strictObject({
  ...endpointMembers,
  secret: z.string().check(z.describe('What signs its messages. No later answer shows it.')),
})

const delivery = z.strictObject({
  id: z.string(),
  endpoint: z.string(),
  event: z.string(),
  type: z.enum(EVENT_TYPES),
  body: z.string().check(z.describe('What is sent.')),
  status: z.enum(['pending', 'delivered', 'dead']),
  createdAt: instant,
  firstTriedAt: z.nullable(instant),
  attempts: z.array(
    z.strictObject({
      status: z.nullable(z.int()),
      error: z.nullable(z.string()),
      at: instant,
      ms: z.int().check(z.describe('How long it took, milliseconds.')),
    }),
  ),
  answer: z.nullable(z.string()),
})

/** Routes of webhook endpoints and of what they were sent. */
export function webhookRoutes(webhooks: WebhookEndpoints, guard: Guard): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      path: '/webhooks',
      guard,
      summary: 'List webhook endpoints, oldest first',
      answer: { status: 200, schema: z.strictObject({ webhooks: z.array(endpoint) }) },
      handle: async () => ({ webhooks: await webhooks.list() }),
    }),
    route({
      method: 'POST',
      path: '/webhooks',
      guard,
      summary: 'Make a webhook endpoint; the answer alone shows its secret',
      body: z.strictObject({ url, events: z.optional(events) }),
      answer: { status: 201, schema: issued },
      handle: ({ body }) => webhooks.create(body),
    }),
    route({
      method: 'POST',
      path: '/webhooks/deliveries/:id/replay',
      guard,
      summary: 'Send a message again',
      answer: { status: 200, schema: delivery },
      problems: ['delivery-not-found'],
      handle: async ({ params }) =>
        (await webhooks.replay(params.id)) ??
        refuse('delivery-not-found', 'There is no delivery of this id.'),
    }),
    route({
      method: 'GET',
      path: '/webhooks/:id',
      guard,
      summary: 'Look up a webhook endpoint',
      answer: { status: 200, schema: endpoint },
      problems: ['webhook-not-found'],
      handle: async ({ params }) => (await webhooks.get(params.id)) ?? NOT_FOUND,
    }),
    route({
      method: 'PATCH',
      path: '/webhooks/:id',
      guard,
      summary: 'Change a webhook endpoint',
      body: z.strictObject({
        url: z.optional(url),
        events: z.optional(events),
        enabled: z.optional(z.boolean()),
      }),
      answer: { status: 200, schema: endpoint },
      problems: ['webhook-not-found'],
      handle: async ({ params, body }) => (await webhooks.update(params.id, body)) ?? NOT_FOUND,
    }),
    route({
      method: 'DELETE',
      path: '/webhooks/:id',
      guard,
      summary: 'Delete a webhook endpoint',
      answer: { status: 204 },
      problems: ['webhook-not-found'],
      handle: async ({ params }) => ((await webhooks.delete(params.id)) ? undefined : NOT_FOUND),
    }),
    route({
      method: 'POST',
      path: '/webhooks/:id/rotate-secret',
      guard,
      summary: 'Give a webhook endpoint a new secret; the answer alone shows it',
      answer: { status: 200, schema: issued },
      problems: ['webhook-not-found'],
      handle: async ({ params }) => (await webhooks.rotateSecret(params.id)) ?? NOT_FOUND,
    }),
    route({
      method: 'GET',
      path: '/webhooks/:id/deliveries',
      guard,
      summary: 'List what a webhook endpoint was sent, newest first; also one that was deleted',
      query: z.strictObject({
        limit: z.optional(countUpTo(100, 'At most this many, up to 100. Default 20.')),
        cursor: z.optional(cursor),
      }),
      answer: {
        status: 200,
        schema: z.strictObject({ deliveries: z.array(delivery), cursor: nextCursor }),
      },
      handle: ({ params, query }) => webhooks.deliveries(params.id, query),
    }),
  ]
}

const NOT_FOUND = refuse('webhook-not-found', 'There is no webhook endpoint of this id.')
