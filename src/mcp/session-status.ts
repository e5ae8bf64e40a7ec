import * as z from 'zod/mini'
import { CallError } from './call-error.ts'
import { describeSession, hasEnded, sessionSchema, sessionValue } from './session-value.ts'
import { tool } from './tool.ts'

/** Payments that are listed at most. */
const MAX_OPEN = 20

/** `x402_session_status` */
export const sessionStatus = tool({
  name: 'x402_session_status',
  title: 'List sessions and payments',
  description:
    'Lists the sessions that are open, or one of them; payments whose outcome is not known; and what was spent. Asks no server and pays nothing.',
  input: z.object({
    session_id: z
      .optional(z.string().check(z.maxLength(200)))
      .check(z.describe('A session. Default: all that are open')),
  }),
  output: z.object({
    sessions: z.array(sessionSchema),
    open_payments: z
      .array(
        z.object({
          attempt: z.string(),
          method: z.string(),
          url: z.string(),
          amount: z.string(),
          symbol: z.string(),
        }),
      )
      .check(z.describe('Payments that may have been made without an answer: make the same calls again')),
    spent_today_usd: z.string().check(z.describe('US dollars spent today (UTC), what is under way included')),
    spent_usd: z.string().check(z.describe('US dollars spent ever, what is under way included')),
  }),
  annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },

  async run({ session_id }, { pay }) {
    const all = await pay.sessions.list()
    const sessions = all.filter((each) =>
      session_id === undefined ? !hasEnded(each) : each.id === session_id,
    )
    if (session_id !== undefined && sessions.length === 0) throw new CallError('There is no such session.')
    const [open, today, total] = await Promise.all([
      pay.attempts({ open: true, limit: MAX_OPEN }),
      pay.spending('day'),
      pay.spending('total'),
    ])
    const open_payments = open.map(({ id, request, payment }) => ({
      attempt: id,
      method: request.method,
      url: request.url,
      amount: payment.amount,
      symbol: payment.symbol,
    }))
    const data = {
      sessions: sessions.map(sessionValue),
      open_payments,
      spent_today_usd: usdOf(today.usd),
      spent_usd: usdOf(total.usd),
    }
    const said = [
      sessions.length === 0 ? 'No session is open.' : sessions.map(describeEach).join('\n\n'),
      ...open_payments.map(
        ({ attempt, method, url, amount, symbol }) =>
          `Not known: whether ${amount} ${symbol} for ${method} ${url} moved (${attempt}). The same call again finds out, and pays nothing twice.`,
      ),
      `Spent today: ${data.spent_today_usd} USD; ever: ${data.spent_usd} USD, what is under way included.`,
    ]
    return { said: said.join('\n\n'), data }
  },
})

function describeEach(session: Parameters<typeof describeSession>[0]): string {
  return hasEnded(session) ? `${describeSession(session)}\nIt has expired.` : describeSession(session)
}

/** The sum of what is held back and what is spent; both are decimals of up to eighteen places. */
function usdOf({ held, spent }: { readonly held: string; readonly spent: string }): string {
  const units = [held, spent].map((text) => {
    const [whole = '0', part = ''] = text.split('.')
    return BigInt(whole + part.padEnd(18, '0'))
  })
  const sum = units
    .reduce((a, b) => a + b)
    .toString()
    .padStart(19, '0')
  return `${sum.slice(0, -18)}.${sum.slice(-18)}`.replace(/\.?0+$/, '')
}
