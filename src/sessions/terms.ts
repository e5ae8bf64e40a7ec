import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { encodeBase64url } from '../lib/base64.ts'
import { utf8 } from '../lib/bytes.ts'
import { sha256Hex } from '../lib/sha256.ts'
import { addPrices, isAtMost, parsePrice } from '../payments/amount.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import type { Session, SessionUse } from './session.ts'

const SESSION_ID = /^sess_[A-Za-z0-9_-]{43}$/

/** Whether a text has the form of a session id. Others are not looked up. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text)
}

/**
 * The id of the session that a payment opens: 256 bits that nobody can guess without the secret. It is computed and not
 * drawn, so that an answer that is redeemed or brought back carries the same id, although the store does not know it.
 */
export function sessionIdOf(paymentId: string, secret: Uint8Array): string {
  return `sess_${encodeBase64url(hmac(sha256, secret, utf8(`session ${paymentId}`)))}`
}

/** What the store knows a session by. */
export function hashSessionId(id: string): string {
  return sha256Hex(id)
}

/**
 * The session after one more request; or why it does not cover the request. The same object when its requests are not
 * counted, and nothing has to be written.
 */
export function useSession(session: Session, { scope, price }: SessionUse, now: number): Session | Refusal {
  if (session.expiresAt <= now) return notCovered('It has expired.')
  if (session.scope !== scope) return notCovered('It is for other routes.')
  if (price !== session.ceiling && !isAtMost(parsePrice(price), parsePrice(session.ceiling))) {
    return notCovered('The route costs more than what the session was opened with.', session.ceiling, price)
  }
  const { maxRequests, budget } = session
  if (maxRequests === null && budget === null) return session
  const spent = addPrices(parsePrice(session.spent), parsePrice(price))
  if (maxRequests !== null && session.requests >= maxRequests) return notCovered('Its requests are used up.')
  if (budget !== null && !isAtMost(spent, parsePrice(budget)))
    return notCovered('Its budget is used up.', budget)
  return { ...session, requests: session.requests + 1, spent: spent.text }
}

/** Why a session does not let a request in. The client pays, as if it had sent none. */
export function notCovered(why: string, expected?: string, got?: string): Refusal {
  return refuse('session-not-found', `The session does not cover this request. ${why}`, {
    ...(expected !== undefined && { expected: `at most ${expected} USD` }),
    ...(got !== undefined && { got: `${got} USD` }),
  })
}
