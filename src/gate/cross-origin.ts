import type { Answer, Fields, HeaderField } from '../lib/message.ts'
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
  request: Fields,
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
export function preflight(request: Fields, settings: Pick<Settings, 'cors' | 'sessionHeader'>): Answer {
  const shared = crossOriginFields(request, settings)
  return {
    status: 204,
    fields: [...shared, ...(mayAsk(shared) ? permissions(request, settings) : [])],
    body: null,
  }
}

const mayAsk = (fields: readonly HeaderField[]): boolean =>
  fields.some(([name]) => name === 'access-control-allow-origin')

/** What a script may send: what it asks for, and all that it takes to pay. */
function permissions(
  request: Fields,
  { sessionHeader }: Pick<Settings, 'sessionHeader'>,
): readonly HeaderField[] {
  const method = request.get('access-control-request-method')
  const asked = request.get('access-control-request-headers')
  const allowed = [...ALLOWED, sessionHeader, ...(asked ? [asked] : [])]
  return [
    ['access-control-allow-methods', method ?? 'GET, HEAD, POST, PUT, PATCH, DELETE'],
    ['access-control-allow-headers', allowed.join(', ')],
    ['access-control-max-age', '600'],
  ]
}
