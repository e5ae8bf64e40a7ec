import { catalog } from '../problems/catalog.ts'
import { problemResponse } from '../problems/problem.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { composeChallenge, presentedCredential } from '../protocols/negotiate.ts'
import type { Charge } from '../protocols/protocol.ts'
import { createCharge } from './charge.ts'
import { clientAddress } from './client-address.ts'
import type { Caller } from './coffer.ts'
import { crossOriginFields, preflight } from './cross-origin.ts'
import { createNext, type Next } from './next.ts'
import { pay } from './pay.ts'
import type { Route, Settings } from './settings.ts'

/** All that {@link handle} decides by: nothing is global, and all state is behind `settings`. */
export interface HandleOptions {
  readonly settings: Settings
  readonly route: Route
  readonly caller: Caller
}

/**
 * Decides one request. A `Response` is final; a {@link Next} says: run the handler, it is paid for.
 *
 * @throws CofferError `store-failed` when the store fails, `invalid-option` when a price function answers nonsense.
 */
export async function handle(request: Request, opts: HandleOptions): Promise<Response | Next> {
  const { settings, route, caller } = opts
  if (request.method === 'OPTIONS') return preflight(request.headers, settings.cors)
  const client = clientAddress(caller.address, request.headers.get('x-forwarded-for'), settings.trustProxy)

  const charged = await createCharge(request, route, settings)
  if (isRefusal(charged)) return deny(charged, null)
  const { charge } = charged

  const presented = presentedCredential(request.headers, settings.protocols)
  if (presented === null) return deny(PAYMENT_REQUIRED, charge)
  if (isRefusal(presented)) return deny(presented, charge)

  const paid = await pay(presented, charge, route, settings)
  if (isRefusal(paid)) return deny(paid, charge)
  if (client !== null) settings.limiter?.exempt(client)

  return createNext(paid, presented.protocol, charged, settings)

  /** Answers with a problem; a 402 goes with fresh challenges, of which a client gets a limited number. */
  function deny(refusal: Refusal, charge: Charge | null): Response {
    const fields = crossOriginFields(request.headers, settings.cors)
    if (charge === null || catalog[refusal.reason].status !== 402) {
      return problemResponse(refusal, settings.problemBase, { headers: fields })
    }
    const wait = client === null ? 0 : (settings.limiter?.take(client) ?? 0)
    if (wait > 0) return problemResponse(tooMany(wait), settings.problemBase, { headers: fields })
    const { headers, members } = composeChallenge(charge, request.headers, refusal, settings.protocols)
    return problemResponse(refusal, settings.problemBase, { headers: [...headers, ...fields], members })
  }
}

const PAYMENT_REQUIRED = refuse('payment-required', 'See WWW-Authenticate (MPP) or PAYMENT-REQUIRED (x402).')

const tooMany = (retryAfter: number): Refusal =>
  refuse('rate-limit-exceeded', 'Too many unpaid requests.', { retryAfter })
