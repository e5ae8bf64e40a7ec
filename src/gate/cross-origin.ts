import type { HeaderField } from '../protocols/protocol.ts'
import type { Settings } from './settings.ts'

/** Answer fields that a script in a browser must be able to read, besides the session's. */
const EXPOSED =
  'WWW-Authenticate, PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, Payment-Receipt, Retry-After'

/** Request fields that carry credentials and preferences, besides the session's. */
const ALLOWED = [
  'Authorization',
  'Content-Type',
  'PAYMENT-SIGNATURE',
  'X-PAYMENT',
  'Accept-Payment',
  'Idempotency-Key',
  'X-Session-Token',
  'X-Session-Wallet',
  // Sent by official x402 clients with the paid request, though it is a response field.
  'Access-Control-Expose-Headers',
]

/** CORS fields of an answer to this request. */
export function crossOriginFields(
  request: Headers,
  { cors, sessionHeader }: Pick<Settings, 'cors' | 'sessionHeader'>,
): readonly HeaderField[] {
  if (cors === false) return []
  const exposed: HeaderField = ['access-control-expose-headers', `${EXPOSED}, ${sessionHeader}`]
  if (cors === '*') return [['access-control-allow-origin', '*'], exposed]
  const origin = request.get('origin')
  if (origin === null || !cors.includes(origin)) return [['vary', 'Origin']]
  return [['access-control-allow-origin', origin], exposed, ['vary', 'Origin']]
}

/** Answers `OPTIONS`, which is free: a CORS preflight learns that it may pay. */
export function preflight(request: Headers, settings: Pick<Settings, 'cors' | 'sessionHeader'>): Response {
  const headers = new Headers()
  for (const [name, value] of crossOriginFields(request, settings)) headers.append(name, value)
  if (headers.has('access-control-allow-origin')) {
    const method = request.get('access-control-request-method')
    const asked = request.get('access-control-request-headers')
    const allowed = [...ALLOWED, settings.sessionHeader, ...(asked ? [asked] : [])]
    headers.set('access-control-allow-methods', method ?? 'GET, HEAD, POST, PUT, PATCH, DELETE')
    headers.set('access-control-allow-headers', allowed.join(', '))
    headers.set('access-control-max-age', '600')
  }
  return new Response(null, { status: 204, headers })
}
