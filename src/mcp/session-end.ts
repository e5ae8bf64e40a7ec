import * as z from 'zod/mini'
import { CallError } from './call-error.ts'
import { tool } from './tool.ts'

/** `x402_session_end` */
export const sessionEnd = tool({
  name: 'x402_session_end',
  title: 'End a session',
  description:
    'Ends a session: it is revoked at its server when that can be done, and used no more. What was paid for it is not given back.',
  input: z.object({
    session_id: z.string().check(z.maxLength(200), z.describe('What x402_session_start returned')),
  }),
  output: z.object({
    session_id: z.string(),
    outcome: z
      .enum(['revoked', 'forgotten'])
      .check(
        z.describe('revoked: the server takes it no more. forgotten: only this wallet has let go of it.'),
      ),
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },

  async run({ session_id }, { pay, reaches }) {
    const session = (await pay.sessions.list()).find(({ id }) => id === session_id)
    if (session === undefined) throw new CallError('There is no such session.')
    const { origin } = new URL(session.url)
    // Sellers have their API where they like; at the root of the origin it is found without being told.
    const api = session.kind === 'server' && reaches(new URL(origin)) ? origin : undefined
    const outcome = await pay.sessions.end(session_id, api)
    if (outcome === null) throw new CallError('There is no such session.')
    const said =
      outcome === 'revoked'
        ? 'The session has ended: the server takes it no more.'
        : 'The session is not used any more. The server could not be told, and ends it in its own time.'
    return { said, data: { session_id, outcome } }
  },
})
