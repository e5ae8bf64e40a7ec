import { sha256 } from '@noble/hashes/sha2.js'
import { paymentFacts } from '../hooks/facts.ts'
import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import type { Answer } from '../lib/message.ts'
import { isExpiredCredit, isLeased } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { PresentedCredential } from '../protocols/negotiate.ts'
import type { Protocol, Verified } from '../protocols/protocol.ts'
import type { Held } from '../settlement/ledger.ts'
import { settleAgain } from '../settlement/reconcile.ts'
import { keys } from '../stores/keys.ts'
import { type ClaimOptions, claim } from './claim.ts'
import { idempotencyOf } from './idempotency.ts'
import { replay } from './journal.ts'
import { failed, inFlight, type Paid, settleFirst, start } from './settle.ts'

/** What a paid request is, besides its credential. */
export interface PayOptions extends ClaimOptions {
  /** Idempotency key of the request, and the fingerprint that it stands for; `null` when it has none. */
  readonly repeat: { readonly key: string; readonly fingerprint: string } | null
}

/**
 * Turns a credential into the right to run the handler, once: verify, claim, settle. What is claimed already is resumed:
 * it may run the handler for what is owed, or bring back the answer that was given (an `Answer`).
 */
export async function pay(
  presented: PresentedCredential,
  options: PayOptions,
): Promise<Paid | Answer | Refusal> {
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
  for (let tries = 1; ; tries++) {
    const held = await claim(presented, verified, { credentialHash, idempotency }, options)
    if (held !== null && !isRefusal(held)) return start(held, () => verified.settle(), options.settings)

    const own = await ledger.findByCredential(credentialHash)
    if (own !== null) return resume(own, verified, protocol, options)
    const named = idempotency && (await ledger.findByKey(idempotency.hash))
    if (named !== null && named.payment.state !== 'failed') {
      const resumed = await resume(named, null, protocol, options)
      // That payment's failure says nothing about this credential.
      if (!isRefusal(resumed) || resumed.reason !== 'settlement-failed') return resumed
    }
    if (await ledger.isSpent(verified.proofs)) return duplicate('Its proof was spent by another credential.')
    if (held !== null) return held
    // What was in the way is not: the place of another payment's vault, or a key whose payment has failed by now.
    if (tries === MAX_TRIES) return inFlight()
  }
}

/** Each try that fails is one that somebody else has succeeded in. */
const MAX_TRIES = 100

/** A credential or a key that we have seen before: what it gets depends on what became of its payment. */
async function resume(
  known: Held,
  verified: Verified | null,
  protocol: Protocol,
  options: PayOptions,
): Promise<Paid | Answer | Refusal> {
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
    if (answer === null) return NOT_KEPT
    settings.notifier.notify('payment.replayed', () => paymentFacts(payment))
    const sessionId = settings.sessions.idOf(payment)
    if (sessionId === null) return answer
    return { ...answer, fields: [...answer.fields, [settings.sessionHeader, sessionId]] }
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

const CONFLICT = refuse('idempotency-conflict', 'This idempotency key was used for another request.', {
  expected: 'the same method, URL and body',
})

const NOT_KEPT = refuse(
  'result-unavailable',
  'The answer was delivered, but was too large to be kept, or kept too long ago.',
)

const EXPIRED = refuse('credit-expired', 'The time to redeem this payment has passed.')

const duplicate = (why: string): Refusal =>
  refuse('duplicate-payment', `This payment was used already. ${why}`)
