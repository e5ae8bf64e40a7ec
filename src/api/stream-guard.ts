import { refuse } from '../problems/refusal.ts'
import type { StreamTickets } from '../vaults/stream-tickets.ts'
import { unauthorized } from './bearer.ts'
import type { Guard } from './route.ts'

/** Lets in whom another guard lets in, and who has a stream ticket for the vault that the path names as `:id`. */
export function streamGuard(readers: Guard, tickets: StreamTickets): Guard {
  return {
    ...readers,
    schemes: {
      ...readers.schemes,
      streamTicket: {
        type: 'apiKey',
        in: 'query',
        name: 'ticket',
        description: 'A stream ticket of the vault.',
      },
    },
    async admit(request, params) {
      const ticket = new URL(request.url).searchParams.get('ticket')
      if (ticket === null || request.headers.has('authorization')) return readers.admit(request, params)
      const grant = await tickets.verify(ticket)
      if (grant === null) return unauthorized(request)
      return grant.vaultId === params['id'] ? { token: grant.token } : NOT_FOUND
    },
  }
}

const NOT_FOUND = refuse('vault-not-found', 'There is no such vault.')
