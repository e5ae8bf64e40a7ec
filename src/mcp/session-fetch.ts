import * as z from 'zod/mini'
import type { PayFetch, PayInit, SessionInfo } from '../client.ts'
import { answerSchema, answerValue, describeAnswer, readAnswer } from './answer.ts'
import { CallError } from './call-error.ts'
import { requestFields, requestOf, target } from './request-fields.ts'
import { coversUrl, hasEnded } from './session-value.ts'
import { failed, tool } from './tool.ts'

/** `x402_session_fetch` */
export const sessionFetch = tool({
  name: 'x402_session_fetch',
  title: 'Fetch in a session',
  description:
    'Makes a request in a session that x402_session_start has opened. Never pays, whatever the server asks. Fails when the session is unknown, has expired, or does not cover the URL, and when the server does not take it.',
  input: z.object({
    session_id: z.string().check(z.maxLength(200), z.describe('What x402_session_start returned')),
    url: target('URL to fetch, which the session must cover'),
    ...requestFields,
  }),
  output: z.object({ session_id: z.string(), answer: answerSchema }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },

  async run(input, call) {
    const { session_id, url } = input
    const request = requestOf(url, input, call)
    const session = await usable(session_id, new URL(url), call.pay)
    const response = await withoutPaying(call.pay)(url, { ...request, session: session.id })
    const answer = await readAnswer(response, call.pay)
    const quoted = describeAnswer(answer)
    if (answer.status === 402) {
      return failed(
        'x402_session_fetch failed. The server asks for payment: it does not take the session for this request, or not any more. Nothing was paid. x402_pay or a new x402_session_start would pay.',
        quoted,
      )
    }
    const said = `Fetched in session ${session_id} with status ${answer.status}. Nothing was paid.`
    return { said, quoted, data: { session_id, answer: answerValue(answer) } }
  },
})

/** All that this tool has of a wallet: it cannot be asked to pay. */
function withoutPaying(
  pay: PayFetch,
): (url: string, init: Omit<PayInit, 'pay' | 'max'>) => Promise<Response> {
  return (url, init) => pay(url, { ...init, pay: false })
}

/** @throws CallError for a session that is unknown, has expired, or does not cover the URL. */
async function usable(id: string, url: URL, { sessions }: PayFetch): Promise<SessionInfo> {
  const session = (await sessions.list()).find((each) => each.id === id)
  if (session === undefined) {
    throw new CallError(
      'There is no such session. x402_session_status lists those that there are; x402_session_start opens one.',
    )
  }
  if (hasEnded(session)) throw new CallError('The session has expired. x402_session_start opens a new one.')
  if (!coversUrl(session, url)) {
    throw new CallError(
      `The session does not cover the URL: its scope is ${session.scope}, at ${session.url}. x402_pay fetches single URLs.`,
    )
  }
  return session
}
