import * as z from 'zod/mini'
import { vaultEvents as follow, type VaultEvent } from '../client.ts'
import { answerSchema, answerValue, describeAnswer } from './answer.ts'
import { CallError } from './call-error.ts'
import { tool } from './tool.ts'
import { MAX_CHARACTERS, show } from './untrusted.ts'
import { vaultFetch, vaultFields } from './vault-fields.ts'

/** Events that are there come at once: after the last of them nobody waits for longer. */
const QUIET_MS = 300

/** Longer than any wait, so that it is the wait that ends a connection. */
const MAX_CALL_MS = 120_000

/** `vault_events` */
export const vaultEvents = tool({
  name: 'vault_events',
  title: 'Follow a vault',
  description:
    'Reads the events of a vault in order, and waits for new ones for a while. Go on with after = last_event_id: nothing is lost or repeated. Pays nothing.',
  input: z.object({
    ...vaultFields,
    after: z
      .optional(z.string().check(z.regex(/^evt_[A-Za-z0-9_-]{1,100}$/)))
      .check(z.describe('Id of the last event that was seen, evt_…. Default: from the first event on')),
    max_events: z
      ._default(z.int().check(z.gte(1), z.lte(100)), 20)
      .check(z.describe('Return when so many have come, 1 to 100, default 20')),
    wait_ms: z
      ._default(z.int().check(z.gte(1000), z.lte(60_000)), 5000)
      .check(z.describe('How long to wait for the first event, milliseconds, 1000 to 60000, default 5000')),
  }),
  output: z.object({
    count: z.int().check(z.describe('Events in this answer')),
    last_event_id: z.optional(z.string()).check(z.describe('What to go on after')),
    ended: z
      .boolean()
      .check(z.describe('Whether no event comes any more: the vault was sealed, or has expired')),
    answer: answerSchema,
  }),
  annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: true },

  async run({ vault_url, token, after, max_events, wait_ms }, call) {
    const quiet = new AbortController()
    let isReached = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const send = vaultFetch(vault_url, call, MAX_CALL_MS)
    const options = {
      token,
      async fetch(request: Request) {
        const answer = await send(request)
        isReached = true
        return answer
      },
      signal: AbortSignal.any([call.signal, AbortSignal.timeout(wait_ms), quiet.signal]),
      ...(after !== undefined && { after }),
    }
    const read: VaultEvent[] = []
    let length = 0
    try {
      for await (const event of follow(vault_url, options)) {
        length += lineOf(event).length + 1
        // What has no room is the first of the next call.
        if (read.length > 0 && length > MAX_CHARACTERS) break
        read.push(event)
        if (read.length === max_events) break
        clearTimeout(timer)
        timer = setTimeout(() => quiet.abort(), QUIET_MS)
      }
    } finally {
      clearTimeout(timer)
    }
    if (!isReached) throw new CallError('The server cannot be reached.')
    const last = read.at(-1)
    const last_event_id = last !== undefined && /^evt_[\w-]{1,100}$/.test(last.eventId) ? last.eventId : after
    const ended = last?.type === 'vault.sealed' || last?.type === 'vault.expired'
    const answer = { status: 200, body: show(read.map(lineOf).join('\n')), note: null }
    const said = [
      `${read.length === 0 ? 'No event' : read.length === 1 ? '1 event' : `${read.length} events`} came.`,
      ended ? 'It was the last one.' : `Go on with after = ${last_event_id ?? 'nothing'}.`,
    ].join(' ')
    return {
      said,
      ...(read.length > 0 && { quoted: describeAnswer(answer) }),
      data: {
        count: read.length,
        ...(last_event_id !== undefined && { last_event_id }),
        ended,
        answer: answerValue(answer),
      },
    }
  },
})

function lineOf({ eventId, timestamp, type, payload }: VaultEvent): string {
  return JSON.stringify({ eventId, timestamp, type, payload })
}
