import * as z from 'zod/mini'
import { refuse } from '../problems/refusal.ts'
import type { PaymentLog } from '../settlement/payment-log.ts'
import { type ApiRoute, type Guard, route } from './route.ts'
import { countUpTo, cursor, instant, instantText, nextCursor, paymentProtocol } from './schemas.ts'

const status = z.enum(['claimed', 'settled', 'failed', 'unknown'])

const payment = z.strictObject({
  id: z.string(),
  status: status.check(z.describe('What became of the money: on its way, moved, never will, in doubt.')),
  delivery: z.enum(['owed', 'delivered']).check(z.describe('What became of the answer.')),
  protocol: paymentProtocol,
  method: z.string(),
  network: z.string(),
  asset: z.string(),
  amount: z.string().check(z.describe('US dollars.')),
  payer: z.string(),
  recipient: z.string(),
  wallet: z.string(),
  route: z.string().check(z.describe('Method and request target.')),
  settle: z.enum(['before', 'after', 'background']),
  txHash: z.nullable(z.string()),
  block: z.nullable(z.string()),
  cause: z.nullable(z.string()),
  claimedAt: instant,
  settledAt: z.nullable(instant),
  deliveredAt: z.nullable(instant),
  vanishedAt: z.nullable(instant),
})

const revenue = {
  payments: z.int(),
  revenue: z.string().check(z.describe('US dollars.')),
}

const period = {
  route: z.optional(
    z
      .string()
      .check(z.maxLength(400), z.describe('Method and path, such as `GET /report`, whatever the query.')),
  ),
  protocol: z.optional(paymentProtocol),
  from: z.optional(instantText('Claimed at this instant or later.')),
  to: z.optional(instantText('Claimed before this instant.')),
  cursor: z.optional(cursor),
}

/** Routes of the payment log. */
export function paymentRoutes(payments: PaymentLog, guard: Guard): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      path: '/payments',
      guard,
      summary: 'List payments, newest first; a page may hold fewer than asked for and still have a next one',
      query: z.strictObject({
        ...period,
        status: z.optional(status),
        limit: z.optional(countUpTo(500, 'At most this many, up to 500. Default 50.')),
      }),
      answer: { status: 200, schema: z.strictObject({ payments: z.array(payment), cursor: nextCursor }) },
      handle: ({ query }) => payments.list(query),
    }),
    route({
      method: 'GET',
      path: '/payments/summary',
      guard,
      summary: 'What settled payments have brought in, by route; with a cursor, the sums go on there',
      query: z.strictObject(period),
      answer: {
        status: 200,
        schema: z.strictObject({
          ...revenue,
          routes: z.array(z.strictObject({ route: z.string(), ...revenue })),
          cursor: nextCursor,
        }),
      },
      handle: ({ query }) => payments.summary(query),
    }),
    route({
      method: 'GET',
      path: '/payments/:id',
      guard,
      summary: 'Look up a payment',
      answer: { status: 200, schema: payment },
      problems: ['payment-not-found'],
      handle: async ({ params }) =>
        (await payments.get(params.id)) ?? refuse('payment-not-found', 'There is no payment of this id.'),
    }),
  ]
}
