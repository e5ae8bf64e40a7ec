import * as z from 'zod/mini'
import { type PaidAnswer, paymentOf } from '../client.ts'
import { answerSchema, answerValue, describeAnswer, readAnswer } from './answer.ts'
import { limitOf, payable, paymentFields, requestFields, requestOf, target } from './request-fields.ts'
import { failed, tool } from './tool.ts'

/** `x402_pay` */
export const pay = tool({
  name: 'x402_pay',
  title: 'Fetch, and pay if asked',
  description:
    'Makes one request. A session that covers the URL is used first; otherwise, when the server asks for payment, it is paid within the budget of the wallet. After a time-out or a failure, make the same call again: it goes on with the same payment.',
  input: z.object({ url: target('URL to fetch'), ...paymentFields, ...requestFields }),
  output: z.object({
    payment: z
      .optional(
        z.object({
          amount: z.string().check(z.describe('Whole tokens')),
          symbol: z.string(),
          network: z.string().check(z.describe('Chain, as CAIP-2 names it')),
          recipient: z.string(),
          transaction_hash: z.optional(z.string()).check(z.describe('When the server said it')),
          session_id: z.optional(z.string()).check(z.describe('Session that came with it')),
        }),
      )
      .check(z.describe('What was paid; absent when nothing was')),
    answer: answerSchema,
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  pays: ({ url, method, body }) => payable(url, method, body),

  async run(input, call) {
    const max = limitOf(input, call)
    const request = requestOf(input.url, input, call)
    const response = await call.pay(input.url, { ...request, ...(max !== undefined && { max }) })
    const paid = paymentOf(response)
    const answer = await readAnswer(response, call.pay)
    const quoted = describeAnswer(answer)
    if (paid?.attempt.isOpen) {
      return failed(
        `x402_pay failed. ${paid.amount} ${paid.symbol} were paid, and the server answered with ${answer.status}. Make the same call again later: the same payment still buys the answer (attempt ${paid.attempt.id}).`,
        quoted,
      )
    }
    if (paid === null && answer.status === 402) {
      return failed(
        'x402_pay failed. The server asks for payment in a way that this wallet does not know. Nothing was paid.',
        quoted,
      )
    }
    const data = { ...(paid && { payment: paymentValue(paid) }), answer: answerValue(answer) }
    return {
      said: paid === null ? `Fetched with status ${answer.status}. Nothing was paid.` : describe(paid),
      quoted,
      data,
    }
  },
})

function paymentValue({ attempt, amount, symbol, transaction, session }: PaidAnswer) {
  const { network, recipient } = attempt.payment
  return {
    amount,
    symbol,
    network,
    recipient,
    ...(transaction !== null && { transaction_hash: transaction }),
    ...(session?.kind === 'server' && { session_id: session.id }),
  }
}

function describe({ attempt, amount, symbol, transaction, session }: PaidAnswer): string {
  const { network, recipient } = attempt.payment
  return [
    `Paid ${amount} ${symbol}.`,
    '',
    `Network:     ${network}`,
    `Recipient:   ${recipient}`,
    `Transaction: ${transaction ?? 'not said by the server'}`,
    ...(session?.kind !== 'server' ? [] : [`Session ID:  ${session.id} (x402_pay uses it by itself)`]),
  ].join('\n')
}
