import { requestFacts } from '../hooks/facts.ts'
import type { Answer, Fields } from '../lib/message.ts'
import type { Price } from '../payments/amount.ts'
import { catalog } from '../problems/catalog.ts'
import { problemAnswer } from '../problems/problem.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { composeChallenge, type PresentedCredential, presentedCredential } from '../protocols/negotiate.ts'
import type { Charge } from '../protocols/protocol.ts'
import type { Session } from '../sessions/session.ts'
import { vaultIdOf } from '../vaults/new-vault.ts'
import type { Vault } from '../vaults/vault-handle.ts'
import { answerFields, replaceFields } from './answer-fields.ts'
import { createCharge, readBody } from './charge.ts'
import { clientAddress } from './client-address.ts'
import type { Caller } from './coffer.ts'
import { crossOriginFields, preflight } from './cross-origin.ts'
import { grantOf } from './grant.ts'
import { fingerprintOf, readIdempotencyKey } from './idempotency.ts'
import { createNext, type Next } from './next.ts'
import { pay } from './pay.ts'
import type { RequestHead } from './request-head.ts'
import type { Route } from './route.ts'
import { createSessionNext } from './session-next.ts'
import type { Settings } from './settings.ts'

/** All that {@link handle} decides by: nothing is global, and all state is behind `settings`. */
export interface HandleOptions {
  readonly settings: Settings
  readonly route: Route
  readonly caller: Caller
}

/**
 * Decides one request. An {@link Answer} is final; a {@link Next} says: run the handler, it is paid for.
 *
 * @throws CofferError `store-failed` when the store fails, `invalid-option` when a price function answers nonsense.
 */
export async function handle(request: RequestHead, opts: HandleOptions): Promise<Answer | Next> {
  const { settings, route, caller } = opts
  if (request.method === 'OPTIONS') return preflight(request.headers, settings)
  const client = clientAddress(caller.address, request.headers.get('x-forwarded-for'), settings.trustProxy)

  const price = typeof route.price === 'function' ? await route.price(request.toRequest()) : route.price

  const session = await sessionOf(request.headers, price, route, settings)
  if (session !== null && !isRefusal(session)) {
    const id = request.headers.get(settings.sessionHeader)
    const { paymentId } = session.payment
    const vault = route.vault ? await vaultOf(paymentId, session.vault, session.hash, settings) : null
    return createSessionNext(id, session, vault, request, settings)
  }

  const presented = presentedCredential(request.headers, settings.protocols)
  const key = isPresent(presented) ? keyOf(request.headers, presented, route) : null
  const body = route.bindBody === null ? null : await readBody(request.toRequest(), route.bindBody, caller)
  if (isRefusal(body)) return deny(body, null)
  const charge = createCharge(request, price, body, route, settings)
  if (presented === null) return deny(session ?? PAYMENT_REQUIRED, charge)
  if (isRefusal(presented)) return deny(presented, charge)
  if (isRefusal(key)) return deny(key, charge)

  const repeat = key === null ? null : { key, fingerprint: await fingerprintOf(request, body) }
  const paid = await pay(presented, { charge, route, settings, repeat })
  if (isRefusal(paid)) return deny(paid, charge)
  if (client !== null) settings.limiter?.exempt(client)
  if ('fields' in paid) {
    const fields = answerFields(request.headers, new Headers(paid.fields as [string, string][]), settings)
    return { ...paid, fields: replaceFields(paid.fields, fields) }
  }

  const { payment } = paid.held
  const vault = route.vault
    ? await vaultOf(payment.id, payment.vault, payment.session?.hash ?? null, settings)
    : null
  const sessionId = settings.sessions.idOf(payment)
  return createNext({
    paid,
    grant: grantOf(paid, { vault, sessionId, hasSession: route.session !== null }),
    protocol: presented.protocol,
    request,
    settings,
    deny: (refusal) => deny(refusal, charge),
  })

  /** Answers with a problem; a 402 goes with fresh challenges, of which a client gets a limited number. */
  function deny(refusal: Refusal, charge: Charge | null): Answer {
    const isChallenged = charge !== null && catalog[refusal.reason].status === 402
    if (isChallenged && route.notForSale !== null) return deny(route.notForSale, null)
    const wait = isChallenged && client !== null ? (settings.limiter?.take(client) ?? 0) : 0
    const shown = wait > 0 ? tooMany(wait) : refusal
    settings.notifier.notify('request.refused', () => requestFacts(request, shown))
    const fields = crossOriginFields(request.headers, settings)
    if (!isChallenged || wait > 0) return problemAnswer(shown, settings.problemBase, { fields })
    const challenge = composeChallenge(charge, request.headers, shown, settings.protocols)
    const parts = { fields: [...challenge.fields, ...fields], members: challenge.members }
    return problemAnswer(shown, settings.problemBase, parts)
  }
}

/** The session that lets the request in; why it does not; `null` when the request shows none, or the route takes none. */
function sessionOf(
  request: Fields,
  price: Price,
  { session }: Route,
  { sessions, sessionHeader, publicUrl }: Settings,
): Promise<Session | Refusal> | null {
  const proof = { id: request.get(sessionHeader), token: request.get('x-session-token') }
  if (session === null || (proof.id === null && proof.token === null)) return null
  return sessions.use(proof, { scope: session.scope, price: price.text, host: publicUrl?.host ?? null })
}

/**
 * The vault of a payment, and of its session. It is made now when the route that was paid for made none: another route of
 * the session, or this one as it was before.
 */
async function vaultOf(
  paymentId: string,
  isMade: boolean,
  session: string | null,
  { vaults }: Settings,
): Promise<Vault | null> {
  if (vaults === null) return null
  const id = vaultIdOf(paymentId)
  // Whoever was faster has made the same one.
  if (!isMade && (await vaults.get(id)) === null) {
    await vaults.add({ paymentId, ...(session !== null && { session }) })
  }
  return vaults.open(id)
}

function isPresent(presented: PresentedCredential | Refusal | null): presented is PresentedCredential {
  return presented !== null && !isRefusal(presented)
}

/** The key that makes the request repeatable: the field's, or the one in the credential. */
function keyOf(request: Fields, { credential }: PresentedCredential, route: Route): string | Refusal | null {
  const key = readIdempotencyKey(request) ?? credential.key
  if (key !== null || !route.requireIdempotency) return key
  return refuse('bad-request', 'This route asks for an idempotency key.', {
    expected: 'Idempotency-Key, or the payment-identifier of x402',
  })
}

const PAYMENT_REQUIRED = refuse('payment-required', 'See WWW-Authenticate (MPP) or PAYMENT-REQUIRED (x402).')

const tooMany = (retryAfter: number): Refusal =>
  refuse('rate-limit-exceeded', 'Too many unpaid requests.', { retryAfter })
