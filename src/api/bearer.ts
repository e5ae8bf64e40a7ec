import type { JsonObject } from '../lib/json.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'

/** Credentials of the Bearer scheme (RFC 6750 section 2.1). */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i

const CHALLENGE = 'Bearer realm="coffer"'

/** A kind of bearer token, as the OpenAPI document describes it. */
export function bearerScheme(description: string): JsonObject {
  return { type: 'http', scheme: 'bearer', description }
}

/** The bearer token of a request; `null` when it has none. */
export function bearerToken(request: Request): string | null {
  const field = request.headers.get('authorization')
  return (field && BEARER.exec(field)?.[1]) || null
}

/** Refuses a request whose bearer token is not good, or that has none: with the challenge of RFC 6750 section 3. */
export function unauthorized(request: Request): Refusal {
  const why = bearerToken(request) === null ? '' : ', error="invalid_token"'
  return refuse('unauthorized', 'This route asks for a valid bearer token.', {
    expected: 'Authorization: Bearer with an API key or, where one will do, an access token',
    headers: { 'www-authenticate': CHALLENGE + why },
  })
}

/** Why a bearer token that is good for reading cannot do more. */
export const READ_ONLY: Refusal = refuse('forbidden', 'An access token is for reading its vault.', {
  expected: 'Authorization: Bearer with an API key',
  headers: { 'www-authenticate': `${CHALLENGE}, error="insufficient_scope"` },
})
