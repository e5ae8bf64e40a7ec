import * as z from 'zod/mini'
import { isRefusal } from '../problems/refusal.ts'
import type { VaultCore } from '../vaults/vault-core.ts'
import { createEventStreams } from './event-stream.ts'
import { type ApiRoute, route } from './route.ts'
import { instant } from './schemas.ts'
import { streamGuard } from './stream-guard.ts'
import type { VaultGuards } from './vault-guard.ts'
import { NOT_THERE } from './vault-routes.ts'

const HEADERS = {
  'content-type': 'text/event-stream',
  // What compresses or gathers would hold events back.
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** 48 KiB of event, every character of it escaped. */
const MAX_EVENT = 6 * 48 * 1024 + 1024

/** Routes of the events of vaults: telling them, and following a vault. */
export function eventRoutes(
  { events, readers, tokens, tickets, book }: VaultCore,
  guards: VaultGuards,
  onError: (error: unknown) => void,
): readonly ApiRoute[] {
  const openStream = createEventStreams(onError)
  return [
    route({
      method: 'POST',
      path: '/vaults/:id/events',
      guard: guards.operators,
      summary: 'Tell whoever follows a vault',
      body: z.strictObject({
        type: z.string().check(z.maxLength(128), z.describe('What happened, such as `agent.step`.')),
        payload: z.optional(
          z.unknown().check(z.describe('Whatever JSON can carry, at most 48 KiB. Default null.')),
        ),
      }),
      maxBody: MAX_EVENT,
      answer: {
        status: 201,
        schema: z.strictObject({
          type: z.string(),
          payload: z.unknown(),
          eventId: z.string(),
          vaultId: z.string(),
          timestamp: z.string().check(z.describe('RFC 3339.')),
        }),
      },
      problems: [...NOT_THERE, 'vault-sealed'],
      handle: ({ params, body }) => events.emit(params.id, body.type, body.payload ?? null),
    }),
    route({
      method: 'GET',
      path: '/vaults/:id/events',
      guard: streamGuard(guards.readers, tickets),
      summary: 'Follow the events of a vault, up to its end',
      headers: { 'Last-Event-ID': 'Id of the last event that was seen: begins behind it. Goes before from.' },
      query: z.strictObject({
        from: z.optional(z.string().check(z.describe('The same, for who cannot send the field.'))),
        ticket: z.optional(z.string().check(z.describe('A stream ticket, for who cannot send a token.'))),
      }),
      answer: { status: 200, mediaType: 'text/event-stream' },
      // When the vault is sealed and all was seen: an EventSource does not ask again.
      otherAnswers: [{ status: 204 }],
      problems: NOT_THERE,
      async handle({ request, params, query, admission: { token } }) {
        const after = request.headers.get('last-event-id') || query.from
        const reader = await readers.open(params.id, after || undefined)
        if (isRefusal(reader)) return reader
        const isAdmitted = async () => token === null || (await tokens.find(token.vaultId, token.id)) !== null
        if (!reader.isDone)
          return new Response(openStream(reader, isAdmitted, request.signal), { headers: HEADERS })
        reader.close()
        return undefined
      },
    }),
    route({
      method: 'POST',
      path: '/vaults/:id/stream-ticket',
      guard: guards.readers,
      summary: 'Get a ticket for an event stream, which an EventSource can carry in the query',
      answer: {
        status: 201,
        schema: z.strictObject({
          ticket: z.string().check(z.describe('Good for the stream of this vault, for a minute.')),
          expiresAt: instant,
        }),
      },
      problems: NOT_THERE,
      async handle({ params, admission: { token } }) {
        const held = await book.open(params.id)
        return isRefusal(held) ? held : tickets.issue(params.id, token)
      },
    }),
  ]
}
