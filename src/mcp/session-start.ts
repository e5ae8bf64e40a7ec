import * as z from 'zod/mini'
import { type PaidAnswer, paymentOf } from '../client.ts'
import { type Answer, answerSchema, answerValue, describeAnswer, readAnswer } from './answer.ts'
import { limitOf, payable, paymentFields, requestFields, requestOf, target } from './request-fields.ts'
import { describeSession, sessionSchema, sessionValue } from './session-value.ts'
import { failed, tool } from './tool.ts'

/** `x402_session_start` */
export const sessionStart = tool({
  name: 'x402_session_start',
  title: 'Open a paid session',
  description:
    'Pays an endpoint once, within the budget of the wallet, and opens a session: further requests are made with x402_session_fetch and cost nothing. Returns the session_id and the first answer. Every call pays for a new session; sessions that are open are listed by x402_session_status. After a time-out or a failure, make the same call again: it goes on with the same payment.',
  input: z.object({
    endpoint: target('URL to pay: what the session is for'),
    scope: z
      ._default(z.enum(['prefix', 'exact']), 'prefix')
      .check(z.describe('prefix (default): the endpoint and all paths below it; exact: only this URL')),
    ttl_seconds: z
      .optional(z.int().check(z.gte(60), z.lte(2_592_000)))
      .check(
        z.describe('How long the session is used, seconds, 60 to 2592000. Default: as configured, or 3600'),
      ),
    label: z
      .optional(z.string().check(z.maxLength(100)))
      .check(z.describe('What it is for, up to 100 characters')),
    ...paymentFields,
    ...requestFields,
  }),
  output: z.object({
    outcome: z
      .enum(['opened', 'no-payment-required', 'paid-without-session'])
      .check(z.describe('opened: use the session. no-payment-required: fetch it as it is.')),
    // All of them when there is a session.
    ...z.partial(sessionSchema).shape,
    answer: answerSchema,
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  pays: ({ endpoint, method, body }) => payable(endpoint, method, body),

  async run(input, call) {
    const { endpoint, scope, label, ttl_seconds: ttl = call.sessionTtl } = input
    const max = limitOf(input, call)
    const response = await call.pay(endpoint, {
      ...requestOf(endpoint, input, call),
      ...(max !== undefined && { max }),
      session: { ttl, scope, ...(label !== undefined && { label }) },
    })
    const paid = paymentOf(response)
    const answer = await readAnswer(response, call.pay)
    return paid === null ? unpaid(answer) : opened(paid, answer)
  },
})

function unpaid(answer: Answer) {
  const quoted = describeAnswer(answer)
  if (answer.status === 402) {
    return failed(
      'x402_session_start failed. The server asks for payment in a way that this wallet does not know. Nothing was paid.',
      quoted,
    )
  }
  const said =
    'No Payment Required: the endpoint answered without asking for payment, so there is no session. Use x402_pay for it, which costs nothing either.'
  return {
    said,
    quoted,
    data: { outcome: 'no-payment-required' as const, answer: answerValue(answer) },
  }
}

function opened({ attempt, amount, symbol, session }: PaidAnswer, answer: Answer) {
  const quoted = describeAnswer(answer)
  if (attempt.isOpen) {
    return failed(
      `x402_session_start failed. ${amount} ${symbol} were paid, and the server answered with ${answer.status}. Make the same call again later: the same payment still buys the answer and the session (attempt ${attempt.id}).`,
      quoted,
    )
  }
  const data = { answer: answerValue(answer), ...(session && sessionValue(session)) }
  if (session === null) {
    const said = `Paid ${amount} ${symbol}, but no session came of it: the server opens none, and gave nothing to sign a token for. Use x402_pay for further requests, each of which is paid.`
    return { said, quoted, data: { ...data, outcome: 'paid-without-session' as const } }
  }
  const hint =
    session.kind === 'server'
      ? 'Make further requests with x402_session_fetch: they cost nothing.'
      : 'The server opened no session of its own, so the wallet shows a token that it signs for this payment. Whether the server takes it shows with the first x402_session_fetch, which costs nothing.'
  const said = `Session opened.\n\n${describeSession(session)}\n\n${hint}`
  return { said, quoted, data: { ...data, outcome: 'opened' as const } }
}
