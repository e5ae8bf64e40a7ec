import type { HeaderField } from '../protocols/protocol.ts'
import type { Settings } from './settings.ts'

/** Answer fields that a script in a browser must be able to read. */
const EXPOSED = [
  'WWW-Authenticate',
  'PAYMENT-REQUIRED',
  'PAYMENT-RESPONSE',
  'X-PAYMENT-RESPONSE',
  'Payment-Receipt',
  'Retry-After',
].join(', ')

/** Request fields that carry credentials and preferences. */
const ALLOWED = [
  'Authorization',
  'Content-Type',
  'PAYMENT-SIGNATURE',
  'X-PAYMENT',
  'Accept-Payment',
  // Sent by official x402 clients with the paid request, though it is a response field.
  'Access-Control-Expose-Headers',
].join(', ')

/** CORS fields of an answer to this request. */
export function crossOriginFields(request: Headers, cors: Settings['cors']): readonly HeaderField[] {
  if (cors === false) return []
  const exposed: HeaderField = ['access-control-expose-headers', EXPOSED]
  if (cors === '*') return [['access-control-allow-origin', '*'], exposed]
  const origin = request.get('origin')
  if (origin === null || !cors.includes(origin)) return [['vary', 'Origin']]
  return [['access-control-allow-origin', origin], exposed, ['vary', 'Origin']]
}

/** Answers `OPTIONS`, which is free: a CORS preflight learns that it may pay. */
export function preflight(request: Headers, cors: Settings['cors']): Response {
  const headers = new Headers()
  for (const [name, value] of crossOriginFields(request, cors)) headers.append(name, value)
  if (headers.has('access-control-allow-origin')) {
    const method = request.get('access-control-request-method')
    const asked = request.get('access-control-request-headers')
    headers.set('access-control-allow-methods', method ?? 'GET, HEAD, POST, PUT, PATCH, DELETE')
    headers.set('access-control-allow-headers', asked ? `${ALLOWED}, ${asked}` : ALLOWED)
    headers.set('access-control-max-age', '600')
  }
  return new Response(null, { status: 204, headers })
}
