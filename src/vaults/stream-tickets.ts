import type { AccessTokens, TokenGrant } from './access-tokens.ts'
import { createSignedTokens, type SignedTokensOptions } from './signed-tokens.ts'

/** A stream ticket as it is given out. */
export interface IssuedTicket {
  /** `vst_…`: opens the event stream of one vault. */
  readonly ticket: string
  /** Epoch milliseconds. What it has opened until then goes on. */
  readonly expiresAt: number
}

/** What a stream ticket lets its holder do: open the event stream of this vault. */
export interface TicketGrant {
  /** `vlt_…` */
  readonly vaultId: string
  /** The access token that it was given out for, and that the stream ends with; `null` when it was an API key. */
  readonly token: TokenGrant | null
}

/**
 * Tickets for those who cannot send a token: the `EventSource` of browsers sends no field of ours, and a token in a URL would
 * be in logs for as long as it is good. A ticket is good for a minute, for nothing but one stream.
 */
export interface StreamTickets {
  /** Gives out a ticket for a vault to who may read it: by an access token, or by an API key. */
  issue(vault: string, token: TokenGrant | null): Promise<IssuedTicket>
  /** What a ticket is good for; `null` when it is forged or expired, or its access token is over. */
  verify(ticket: string): Promise<TicketGrant | null>
}

/** What {@link createStreamTickets} stands on. */
export interface StreamTicketsOptions extends SignedTokensOptions {
  readonly tokens: AccessTokens
}

const TTL_SECONDS = 60

/** Makes what stream tickets are issued and verified with. Nothing is stored: they are over before they could be revoked. */
export function createStreamTickets(options: StreamTicketsOptions): StreamTickets {
  const { clock, tokens } = options
  const signed = createSignedTokens(
    { prefix: 'vst_', purpose: 'coffer vault stream tickets', type: 'vault-stream+jwt' },
    options,
  )
  return {
    async issue(vaultId, token) {
      const expiresAt = Math.min(
        (Math.floor(clock() / 1000) + TTL_SECONDS) * 1000,
        token?.expiresAt ?? Infinity,
      )
      return { ticket: await signed.sign({ vaultId, id: token?.id ?? null, expiresAt }), expiresAt }
    },

    async verify(ticket) {
      const claims = await signed.read(ticket)
      if (claims === null) return null
      const { vaultId, id } = claims
      if (id === null) return { vaultId, token: null }
      const token = await tokens.find(vaultId, id)
      return token && { vaultId, token }
    },
  }
}
