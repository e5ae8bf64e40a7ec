import { sha256 } from '@noble/hashes/sha2'
import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import { createId } from '../lib/id.ts'
import { isExpiredCredit, isLeased, type NewPayment, type SettleMode } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { PresentedCredential } from '../protocols/negotiate.ts'
import type { Charge, Protocol, Verified } from '../protocols/protocol.ts'
import type { Held } from '../settlement/ledger.ts'
import { settleAgain } from '../settlement/reconcile.ts'
import { keys } from '../stores/keys.ts'
import { expose } from './exposure.ts'
import { idempotencyOf } from './idempotency.ts'
import { replay } from './journal.ts'
import type { Route, Settings } from './settings.ts'

/** What a paid request is, besides its credential. */
export interface PayOptions {
  readonly charge: Charge
  readonly route: Route
  readonly settings: Settings
  /** Idempotency key of the request, and the fingerprint that it stands for; `null` when it has none. */
  readonly repeat: { readonly key: string; readonly fingerprint: string } | null
}

/** A payment whose handler may run now. */
export interface Paid {
  readonly held: Held
  /** Whether it was settled by an earlier request, whose answer failed. */
  readonly redeemed: boolean
  /** Moves the money once the handler has answered; `null` when it has moved, or the outbox moves it. */
  readonly settleAfter: (() => Promise<Held | Refusal>) | null
}

/**
 * Turns a credential into the right to run the handler, once: verify, claim, settle. What is claimed already is resumed:
 * it may run the handler for what is owed, or bring back the answer that was given (a `Response`).
 */
export async function pay(
  presented: PresentedCredential,
  options: PayOptions,
): Promise<Paid | Response | Refusal> {
  const { protocol, credential } = presented
  const { ledger } = options.settings
  const credentialHash = toHex(sha256(utf8(credential.text)))

  const verified = await protocol.verify(credential, options.charge)
  if (isRefusal(verified)) {
    // An expired or outbid credential still redeems what it has paid for already.
    const known = await ledger.findByCredential(credentialHash)
    return known === null ? verified : resume(known, null, protocol, options)
  }

  const idempotency =
    options.repeat && idempotencyOf(options.repeat.key, verified.payer, options.repeat.fingerprint)
  const held = await claim(presented, verified, { credentialHash, idempotency }, options)
  if (held !== null) return start(held, () => verified.settle(), options.settings)

  const own = await ledger.findByCredential(credentialHash)
  if (own !== null) return resume(own, verified, protocol, options)
  const named = idempotency && (await ledger.findByKey(idempotency.hash))
  if (named !== null && named.payment.state !== 'failed') return resume(named, null, protocol, options)
  if (await ledger.isSpent(verified.proofs)) return duplicate('Its proof was spent by another credential.')
  // It was the key that was in the way, and its payment has just failed: the next request finds it free.
  return inFlight()
}

/** Takes the proofs; `null` when one of them, or the idempotency key, is taken. */
async function claim(
  { credential }: PresentedCredential,
  verified: Verified,
  identity: Pick<NewPayment, 'credentialHash' | 'idempotency'>,
  { charge, route, settings }: PayOptions,
): Promise<Held | null> {
  const { ledger, random, sessions, store, maxUnsettled } = settings
  const id = createId('pay', random)
  const { asset, amount, deferred } = verified
  const payment = (settle: SettleMode): NewPayment => ({
    id,
    proofs: verified.proofs,
    protocol: credential.protocol,
    method: verified.method,
    network: verified.network,
    asset: asset.address,
    amount: amount.toString(),
    decimals: asset.decimals,
    payer: verified.payer,
    recipient: verified.recipient,
    wallet: route.wallet.id,
    route: charge.route,
    digest: charge.digest,
    settle,
    session: route.session && {
      ...route.session,
      hash: sessions.hashFor(id),
      ceiling: charge.price.text,
    },
    ...identity,
    evidence: verified.evidence,
  })
  if (deferred === null || route.settle === 'before') return ledger.claim(payment('before'))
  if (route.settle === 'after') return ledger.claim(payment('after'))
  const room = await expose(id, { amount, decimals: asset.decimals }, maxUnsettled, store)
  const held = room && (await ledger.claim(payment('background'), deferred, room))
  // No room, or somebody else was just taking some: settling first is always right.
  return held ?? ledger.claim(payment('before'))
}

/** A credential or a key that we have seen before: what it gets depends on what became of its payment. */
async function resume(
  known: Held,
  verified: Verified | null,
  protocol: Protocol,
  options: PayOptions,
): Promise<Paid | Response | Refusal> {
  const { charge, settings, repeat } = options
  const { payment } = known
  const now = settings.clock()
  const own = payment.idempotency
  const isRepeat = repeat !== null && own?.hash === idempotencyOf(repeat.key, payment.payer, '').hash
  if (isRepeat && own?.fingerprint !== repeat.fingerprint) return CONFLICT
  if (payment.route !== charge.route || payment.digest !== charge.digest) {
    return duplicate('It was presented for another request.')
  }
  if (payment.state === 'failed') return failed(payment.cause)
  if (payment.delivery === 'delivered') {
    if (!isRepeat) return duplicate('Its answer was delivered.')
    const result = await settings.store.get(keys.result(payment.id))
    const answer = result && replay(result.value)
    const sessionId = settings.sessions.idOf(payment)
    if (sessionId !== null) answer?.headers.set(settings.sessionHeader, sessionId)
    return answer ?? NOT_KEPT
  }
  if (isLeased(payment, now)) return inFlight()
  if (isExpiredCredit(payment, now, settings.creditMs)) return EXPIRED
  const held = await settings.ledger.lease(known)
  if (held === null) return inFlight()
  if (payment.state === 'settled') return { held, redeemed: true, settleAfter: null }
  const reconcile = (): Promise<Settlement> => protocol.reconcile(payment)
  // Without a credential that still verifies there may be nothing to settle: find out before the handler works.
  if (verified === null) return settleFirst(held, reconcile, settings)
  return start(held, () => settleAgain(reconcile, () => verified.settle()), settings)
}

/** Lets the handler run: after the money moved, or before it does. */
async function start(
  held: Held,
  move: () => Promise<Settlement>,
  settings: Settings,
): Promise<Paid | Refusal> {
  switch (held.payment.settle) {
    case 'background':
      return { held, redeemed: false, settleAfter: null }
    case 'after':
      return { held, redeemed: false, settleAfter: () => settle(held, move, settings) }
    case 'before':
      return settleFirst(held, move, settings)
  }
}

async function settleFirst(
  held: Held,
  move: () => Promise<Settlement>,
  settings: Settings,
): Promise<Paid | Refusal> {
  const settled = await settle(held, move, settings)
  return isRefusal(settled) ? settled : { held: settled, redeemed: false, settleAfter: null }
}

/** Moves the money of a payment that we hold, and writes down how that ended. */
async function settle(
  held: Held,
  move: () => Promise<Settlement>,
  { ledger, onError }: Settings,
): Promise<Held | Refusal> {
  const settlement = await move().catch((error: unknown): Settlement => {
    onError(error)
    return { outcome: 'unknown', transaction: null, detail: 'the settlement broke off' }
  })
  const after = await ledger.settle(held, settlement)
  if (after === null) return inFlight()
  switch (settlement.outcome) {
    case 'settled':
      return after
    case 'failed':
      return failed(settlement.cause)
    case 'unknown':
      return UNKNOWN
    case 'unsent':
      // Of a settlement that somebody began before, nobody knows that no money moved.
      return held.jobDueAt === undefined ? UNKNOWN : UNAVAILABLE
  }
}

const CONFLICT = refuse('idempotency-conflict', 'This idempotency key was used for another request.', {
  expected: 'the same method, URL and body',
})

const NOT_KEPT = refuse(
  'result-unavailable',
  'The answer was delivered, but was too large to be kept, or kept too long ago.',
)

const EXPIRED = refuse('credit-expired', 'The time to redeem this payment has passed.')

const UNKNOWN = refuse(
  'settlement-unknown',
  'The settlement did not answer in time: money may have moved. Send the same credential again.',
  { retryAfter: 5 },
)

const UNAVAILABLE = refuse(
  'settlement-unavailable',
  'The settlement could not be started: no money moved. Send the same credential again.',
  { retryAfter: 5 },
)

const duplicate = (why: string): Refusal =>
  refuse('duplicate-payment', `This payment was used already. ${why}`)

const inFlight = (): Refusal =>
  refuse('payment-in-flight', 'Another request with this payment is being worked on.', { retryAfter: 1 })

const failed = (cause: string | null): Refusal =>
  refuse(
    'settlement-failed',
    'The settlement of this payment failed: no money moved. Pay with a new credential.',
    {
      ...(cause !== null && { cause }),
    },
  )
