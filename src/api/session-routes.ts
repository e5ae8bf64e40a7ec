import * as z from 'zod/mini'
import { type Refusal, refuse } from '../problems/refusal.ts'
import type { Session } from '../sessions/session.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { type ApiRoute, type Guard, route } from './route.ts'
import { instant, paymentProtocol } from './schemas.ts'
import { sessionGuard } from './session-guard.ts'

const session = z.strictObject({
  scope: z.string().check(z.describe('Routes that it covers.')),
  ceiling: z.string().check(z.describe('Most that a covered route may cost, US dollars.')),
  createdAt: instant,
  expiresAt: instant,
  ttl: z.int().check(z.describe('Seconds from the payment to the end.')),
  maxRequests: z.nullable(z.int()),
  requests: z.int().check(z.describe('Requests that it has let in, when they are counted.')),
  budget: z.nullable(z.string()),
  spent: z.string().check(z.describe('US dollars that these were worth, when they are counted.')),
  bindPayer: z.boolean(),
  payment: z.strictObject({
    paymentId: z.string(),
    protocol: paymentProtocol,
    method: z.string(),
    network: z.string(),
    amount: z.string(),
    payer: z.string(),
    txHash: z.nullable(z.string()),
    wallet: z.string(),
    recipient: z.string(),
  }),
})

/** Routes of sessions. The id in the path is the payer's own secret, which a support case has told to an operator. */
export function sessionRoutes(sessions: Pick<Sessions, 'get' | 'revoke'>, keys: Guard): readonly ApiRoute[] {
  const guard = sessionGuard(keys, sessions)
  return [
    route({
      method: 'GET',
      path: '/sessions/:id',
      guard,
      summary: 'Look up a session',
      answer: { status: 200, schema: session },
      problems: ['unknown-session'],
      async handle({ params }) {
        const found = await sessions.get(params.id)
        return found === null ? NOT_FOUND : shown(found)
      },
    }),
    route({
      method: 'DELETE',
      path: '/sessions/:id',
      guard,
      summary: 'Revoke a session',
      answer: { status: 204 },
      problems: ['unknown-session'],
      handle: async ({ params }) => ((await sessions.revoke(params.id)) ? undefined : NOT_FOUND),
    }),
  ]
}

/** What operator and payer see of a session: not what the store knows it by. */
function shown(session: Session): object {
  const { scope, ceiling, createdAt, expiresAt, ttl, maxRequests, requests, budget, spent, bindPayer } =
    session
  const { payment } = session
  return {
    scope,
    ceiling,
    createdAt,
    expiresAt,
    ttl,
    maxRequests,
    requests,
    budget,
    spent,
    bindPayer,
    payment: {
      paymentId: payment.paymentId,
      protocol: payment.protocol,
      method: payment.method,
      network: payment.network,
      amount: payment.amount,
      payer: payment.payer,
      txHash: payment.txHash,
      wallet: payment.wallet,
      recipient: payment.recipient,
    },
  }
}

const NOT_FOUND: Refusal = refuse('unknown-session', 'The session is unknown, expired or revoked.')
