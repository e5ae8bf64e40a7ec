import * as z from 'zod/mini'
import type { SessionInfo } from '../client.ts'

const described = <Schema extends z.ZodMiniType>(schema: Schema, what: string) =>
  schema.check(z.describe(what))
const text = (what: string) => described(z.string(), what)
const perhaps = (what: string) => described(z.optional(z.string()), what)

/** How structured results have a session. */
export const sessionSchema = z.object({
  session_id: text('What x402_session_fetch takes: a name in this wallet. It is of no use to anybody else.'),
  endpoint: text('Where it was opened'),
  scope: described(z.enum(['exact', 'prefix', 'origin']), 'What it covers'),
  label: perhaps('What it was said to be for'),
  kind: described(
    z.enum(['server', 'token']),
    'Who opened it: the server, or this wallet by a token that it signs',
  ),
  network: text('Chain, as CAIP-2 names it'),
  amount: text('What it cost, whole tokens'),
  symbol: text('Token'),
  recipient: text('Who was paid'),
  transaction_hash: perhaps('Hash of the transaction, when the server said it'),
  ttl_seconds: described(z.optional(z.int()), 'For how long it was opened'),
  opened_at: text('RFC 3339'),
  expires_at: perhaps('RFC 3339; absent when it lasts for as long as the server takes it'),
})

/** A session for programs. */
export function sessionValue(session: SessionInfo): z.infer<typeof sessionSchema> {
  const { id, url, scope, label, kind, payment, openedAt, expiresAt } = session
  return {
    session_id: id,
    endpoint: url,
    scope,
    ...(label !== null && { label }),
    kind,
    network: payment.network,
    amount: payment.amount,
    symbol: payment.symbol,
    recipient: payment.recipient,
    ...(payment.transaction !== null && { transaction_hash: payment.transaction }),
    opened_at: new Date(openedAt).toISOString(),
    ...(expiresAt !== null && {
      ttl_seconds: Math.round((expiresAt - openedAt) / 1000),
      expires_at: new Date(expiresAt).toISOString(),
    }),
  }
}

/** A session in words. */
export function describeSession(session: SessionInfo): string {
  const value = sessionValue(session)
  const { label, kind, expires_at } = value
  return [
    `Session ID:  ${value.session_id}`,
    `Endpoint:    ${value.endpoint}`,
    `Scope:       ${value.scope}`,
    ...(label === undefined ? [] : [`Label:       ${JSON.stringify(label)}`]),
    `Opened by:   ${kind === 'server' ? 'the server' : 'a token that the wallet signs'}, ${value.opened_at}`,
    `Ends:        ${expires_at === undefined ? 'when the server ends it' : `${expires_at} (after ${value.ttl_seconds} s)`}`,
    `Network:     ${value.network}`,
    `Amount:      ${value.amount} ${value.symbol}`,
    `Recipient:   ${value.recipient}`,
    `Transaction: ${value.transaction_hash ?? 'not said by the server'}`,
  ].join('\n')
}

/** Whether a session has come to the end that it was given. */
export function hasEnded({ expiresAt }: SessionInfo): boolean {
  return expiresAt !== null && expiresAt <= Date.now()
}

/**
 * Whether a session may be shown to a URL: the very one that opened it (`exact`), what is below its path (`prefix`), or its
 * whole origin.
 */
export function coversUrl({ url, scope }: SessionInfo, asked: URL): boolean {
  const opened = new URL(url)
  if (opened.origin !== asked.origin) return false
  if (scope === 'origin') return true
  if (scope === 'exact') return opened.pathname === asked.pathname && opened.search === asked.search
  return asked.pathname === opened.pathname || asked.pathname.startsWith(opened.pathname.replace(/\/?$/, '/'))
}
