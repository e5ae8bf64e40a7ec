import { sha256 } from '@noble/hashes/sha2'
import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import { createId } from '../lib/id.ts'
import { isLeased } from '../payments/payment.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import type { PresentedCredential } from '../protocols/negotiate.ts'
import type { Charge, Protocol, Verified } from '../protocols/protocol.ts'
import type { Held } from '../settlement/ledger.ts'
import type { Route, Settings } from './settings.ts'
import type { Settlement } from '../payments/settlement.ts'

/** A settled payment whose handler may run now. */
export interface Paid {
  readonly held: Held
  /** Whether it was settled by an earlier request, whose answer failed. */
  readonly redeemed: boolean
}

/** Turns a credential into a settled payment, once: verify, claim, settle. What is claimed already is resumed. */
export async function pay(
  { protocol, credential }: PresentedCredential,
  charge: Charge,
  route: Route,
  settings: Settings,
): Promise<Paid | Refusal> {
  const { ledger, random } = settings
  const credentialHash = toHex(sha256(utf8(credential.text)))

  const verified = await protocol.verify(credential, charge)
  if (isRefusal(verified)) {
    // An expired or outbid credential still redeems what it has paid for already.
    const known = await ledger.find(credentialHash)
    return known === null ? verified : resume(known, null, protocol, charge, settings)
  }

  const claim = await ledger.claim({
    id: createId('pay', random),
    proofs: verified.proofs,
    protocol: credential.protocol,
    method: verified.method,
    network: verified.network,
    asset: verified.asset.address,
    amount: verified.amount.toString(),
    decimals: verified.asset.decimals,
    payer: verified.payer,
    recipient: verified.recipient,
    wallet: route.wallet.id,
    route: charge.route,
    credentialHash,
    evidence: verified.evidence,
  })
  if (claim !== null) return settle(claim, () => verified.settle(), settings)

  const known = await ledger.find(credentialHash)
  return known === null ? duplicate('Its proof was spent by another credential.') : resume(known, verified, protocol, charge, settings)
}

/** A credential that we have seen before: what it gets depends on what became of its payment. */
async function resume(
  known: Held,
  verified: Verified | null,
  protocol: Protocol,
  charge: Charge,
  settings: Settings,
): Promise<Paid | Refusal> {
  const { payment } = known
  if (payment.route !== charge.route) return duplicate('It was presented for another request.')
  if (payment.state === 'failed') return failed(payment.cause)
  if (payment.delivery === 'delivered') return duplicate('Its answer was delivered.')
  if (isLeased(payment, settings.clock())) return inFlight()
  const held = await settings.ledger.lease(known)
  if (held === null) return inFlight()
  if (payment.state === 'settled') return { held, redeemed: true }
  return settle(
    held,
    async () => {
      const found = await protocol.reconcile(payment)
      return found.outcome === 'unsent' && verified !== null ? verified.settle() : found
    },
    settings,
  )
}

/** Moves the money of a payment that we hold, and writes down how that ended. */
async function settle(
  held: Held,
  move: () => Promise<Settlement>,
  { ledger }: Settings,
): Promise<Paid | Refusal> {
  const settlement = await move().catch(
    (cause: unknown): Settlement => ({ outcome: 'unknown', transaction: null, detail: String(cause) }),
  )
  const after = await ledger.settle(held, settlement)
  if (after === null) return inFlight()
  switch (settlement.outcome) {
    case 'settled':
      return { held: after, redeemed: false }
    case 'failed':
      return failed(settlement.cause)
    case 'unknown':
      return refuse('settlement-unknown', 'The settlement did not answer in time: money may have moved. Send the same credential again.', { retryAfter: 5 })
    case 'unsent':
      return refuse('settlement-unavailable', 'The settlement could not be started: no money moved. Send the same credential again.', { retryAfter: 5 })
  }
}

const duplicate = (why: string): Refusal => refuse('duplicate-payment', `This payment was used already. ${why}`)

const inFlight = (): Refusal =>
  refuse('payment-in-flight', 'Another request with this payment is being worked on.', { retryAfter: 1 })

const failed = (cause: string | null): Refusal =>
  refuse('settlement-failed', 'The settlement of this payment failed: no money moved. Pay with a new credential.', {
    ...(cause !== null && { cause }),
  })
