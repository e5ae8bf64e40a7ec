import { encodeBase64 } from '../lib/base64.ts'
import { toHex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import { formatAmount } from '../payments/amount.ts'
import { CofferError } from '../problems/error.ts'
import type { Unpaid } from '../protocols/payer.ts'
import { type Attempt, type AttemptRequest, attemptInfo } from './attempt.ts'
import { type Candidate, choose } from './choose.ts'
import type { Engine } from './engine.ts'
import { type Limit, USD_DECIMALS } from './limit.ts'
import { offerInfo } from './offer-info.ts'
import { checkOrigin } from './origin.ts'
import type { Outgoing } from './outgoing.ts'
import { type OfferRefusal, type PaymentError, refused } from './payment-error.ts'
import type { SessionTerms } from './session-terms.ts'

/** What is bought. */
export interface Order {
  readonly outgoing: Outgoing
  /** Where the request was answered: where it is paid. */
  readonly url: URL
  readonly unpaid: Unpaid
  /** Most that it may cost; `null` when only the budget says. */
  readonly max: Limit | null
  /** Terms of the session that it is for; `null` when it is for the answer. */
  readonly session: SessionTerms | null
}

/** Longest body that is written into the journal. */
const MAX_JOURNAL_BODY = 64 * 1024

/** What is about to be paid: its price is held back. */
export interface Purchase extends Candidate {
  readonly attempt: Attempt
}

/**
 * Chooses an offer and holds its price back. Nothing is signed yet.
 *
 * @returns `null` when the server offers nothing in words that anybody here knows.
 * @throws PaymentError `payment-refused` when no offer may be paid.
 */
export async function purchase(order: Order, engine: Engine): Promise<Purchase | null> {
  const { outgoing, url, unpaid, max } = order
  const { policy, budget, rpcOf } = engine
  const reads = engine.payers.map((payer) => payer.readOffers(unpaid))
  const refusals: OfferRefusal[] = reads.flatMap(({ unreadable }) => unreadable.map(unreadableOffer))
  const offers = reads.flatMap((read) => read.offers)
  if (offers.length === 0 && refusals.length === 0) return null

  const refusal = checkOrigin(url, outgoing, policy)
  if (refusal !== null) throw refuse(url, [refusal], engine)
  const signer = await engine.signer()
  const digest = offers.some((offer) => offer.digest !== null) ? await outgoing.digest() : null
  const now = engine.clock()
  const choice = choose(offers, { outgoing, url, digest, policy, budget, max, signer, rpcOf, now })
  refusals.push(...choice.refusals)
  for (const candidate of choice.candidates) {
    const attempt = await reserve(candidate, signer.address, order, engine)
    if ('state' in attempt) return { ...candidate, attempt }
    refusals.push(attempt)
  }
  throw refuse(url, refusals, engine)
}

function refuse(url: URL, refusals: readonly OfferRefusal[], engine: Engine): PaymentError {
  engine.emit({ type: 'refused', url: url.href, refusals })
  return refused(url, refusals)
}

/** Asks who is to be asked, and holds the price back. */
async function reserve(
  { offer, asset, cost }: Candidate,
  payer: string,
  { outgoing, url, session }: Order,
  engine: Engine,
): Promise<Attempt | OfferRefusal> {
  const info = offerInfo(offer, asset)
  if (!(await engine.policy.approve(info, url))) {
    return { reason: 'not-approved', detail: 'policy.approve said no.', offer: info }
  }
  // Whoever was asked may have taken long.
  outgoing.signal.throwIfAborted()
  if (offer.expiresAt !== null && offer.expiresAt <= engine.clock()) {
    return { reason: 'expired', detail: 'The offer ended while policy.approve was asked.', offer: info }
  }
  const draft = {
    request: await requestOf(outgoing, url),
    key: outgoing.headers.get('idempotency-key') ?? toHex(engine.random(16)).slice(2),
    payment: {
      protocol: offer.protocol,
      method: offer.method,
      network: offer.network,
      asset: offer.asset,
      symbol: asset.symbol,
      decimals: asset.decimals,
      units: offer.amount.toString(),
      amount: formatAmount(offer.amount, asset.decimals),
      usd: cost.usd === null ? null : formatAmount(cost.usd, USD_DECIMALS),
      payer: payer.toLowerCase() as Address,
      recipient: offer.recipient,
      description: offer.description?.slice(0, 500) ?? null,
    },
    session,
  }
  const reserved = await engine.journal.reserve(draft, cost, url.host)
  if ('state' in reserved) {
    engine.emit({ type: 'reserved', attempt: attemptInfo(reserved) })
    return reserved
  }
  const { limit, expected, got } = reserved
  const detail = `The payment would go beyond budget.${limit}: ${expected}.`
  return { reason: 'over-budget', detail, expected, got, offer: info }
}

/**
 * Has a purchase signed, and writes the credential down before anybody sees it. Without a signature its price is held back
 * no longer.
 *
 * @param signal - Of the caller: who gives up before the credential is written down pays nothing.
 * @throws CofferError `signing-failed`, `store-failed`. The reason of the signal.
 */
export async function sign(
  { attempt, offer, asset }: Purchase,
  signal: AbortSignal,
  engine: Engine,
): Promise<Attempt> {
  const { journal, clock, random, rpcOf, tempoMode: mode } = engine
  try {
    const [signer, now, rpc] = [await engine.signer(), clock(), rpcOf(offer.network)]
    const { field, evidence } = await offer.sign({ signer, asset, now, random, key: attempt.key, rpc, mode })
    signal.throwIfAborted()
    const [name, value] = field
    const signed = await journal.update(attempt.id, (current) => ({
      ...current,
      state: 'sent',
      credential: { name, value },
      evidence,
      note: 'It was signed, and is on its way.',
    }))
    // Only what stood still for longer than its lease can meet this.
    if (signed.state !== 'sent')
      throw new CofferError('invalid-state', `the attempt ${signed.id} was taken over`)
    engine.emit({ type: 'sent', attempt: attemptInfo(signed) })
    return signed
  } catch (error) {
    const note = 'It was not signed.'
    await engine.change(attempt, (current) => ({ ...current, state: 'failed', note }))
    signal.throwIfAborted()
    if (error instanceof CofferError) throw error
    // What a chain library throws may repeat anything; its own message is for the cause.
    throw new CofferError('signing-failed', 'the payment could not be prepared', { cause: error })
  }
}

async function requestOf(
  { method, headers, body, fingerprint }: Outgoing,
  url: URL,
): Promise<AttemptRequest> {
  const size = body?.size ?? 0
  const isKept = body !== null && size <= MAX_JOURNAL_BODY
  return {
    method,
    url: url.href,
    fingerprint,
    contentType: headers.get('content-type'),
    accept: headers.get('accept'),
    body: isKept ? encodeBase64(new Uint8Array(await body.arrayBuffer())) : null,
    size,
  }
}

const unreadableOffer = (detail: string): OfferRefusal => ({ reason: 'unreadable', detail, offer: null })
