import { checksumAddress } from '../../evm/checksum.ts'
import { isHex } from '../../lib/hex.ts'
import type { JsonObject } from '../../lib/json.ts'
import {
  MAX_CHALLENGE,
  MAX_OFFERS,
  type OffersRead,
  type PayerProtocol,
  type ReceivedOffer,
  type Signed,
  type Signing,
  type Unpaid,
} from '../payer.ts'
import { type ChallengeParams, parseChallenges } from './challenge.ts'
import { type ChargeRequest, parseChargeRequest } from './charge-request.ts'
import { encodeEnvelope } from './envelope.ts'
import { checkAuthorization, signAuthorization } from './evm/pay.ts'
import { AUTHORIZATION, PAYMENT_RECEIPT, PAYMENT_SCHEME, WWW_AUTHENTICATE } from './headers.ts'
import { CHARGE_INTENT } from './method.ts'
import { parseReceipt } from './receipt.ts'
import { formatSource } from './source.ts'
import { checkTempo, signTempo } from './tempo/pay.ts'

/** How MPP is paid: charges of the methods `tempo` and `evm`. */
export const mppPayer: PayerProtocol = {
  name: 'mpp',
  readOffers,
  readReceipt(answer) {
    const field = answer.get(PAYMENT_RECEIPT)
    if (field === null) return null
    const receipt = parseReceipt(field)
    if (receipt === null) return 'unreadable'
    const { method, reference } = receipt
    return {
      succeeded: true,
      // Of a zero price it is the challenge that is referred to.
      transaction: isHex(reference, 32) ? reference.toLowerCase() : null,
      network: null,
      payer: null,
      amount: null,
      method,
      cause: null,
    }
  },
}

/** What a payer can do for a method. */
interface MethodPayer {
  /** Why a charge cannot be paid; `null` when it can. */
  check(charge: ChargeRequest): string | null
  sign(
    charge: ChargeRequest,
    signing: Signing,
  ): Promise<Omit<Signed, 'field'> & { readonly payload: JsonObject }>
  /** Whether an amount takes a transaction of the payer's. */
  needsTransaction(amount: bigint): boolean
}

const METHODS: Readonly<Record<string, MethodPayer>> = {
  tempo: { check: checkTempo, sign: signTempo, needsTransaction: (amount) => amount > 0n },
  evm: { check: checkAuthorization, sign: signAuthorization, needsTransaction: () => false },
}

function readOffers({ headers }: Unpaid): OffersRead {
  const field = headers.get(WWW_AUTHENTICATE) ?? ''
  const challenges = field.length > MAX_CHALLENGE ? null : parseChallenges(field)
  if (challenges === null)
    return { offers: [], unreadable: [`${WWW_AUTHENTICATE} is malformed or too long.`], why: null }
  const results = challenges.slice(0, MAX_OFFERS).map(readChallenge)
  return {
    offers: results.filter((result) => typeof result !== 'string'),
    unreadable: results.filter((result) => typeof result === 'string'),
    why: null,
  }
}

/** Reads one way to pay; text says why it cannot be read. */
function readChallenge(challenge: ChallengeParams | null): ReceivedOffer | string {
  if (challenge === null) {
    return 'A Payment challenge lacks a parameter, or wants its credential in a field of its own.'
  }
  const { method: name, intent } = challenge
  const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined
  if (intent !== CHARGE_INTENT || method === undefined) {
    return `The method ${JSON.stringify(`${name}/${intent}`.slice(0, 60))} is not supported.`
  }
  const charge = parseChargeRequest(challenge)
  if (typeof charge === 'string') return charge
  const { chain, currency, amount, recipient, description, expiresAt, splits } = charge
  return (
    method.check(charge) ?? {
      protocol: 'mpp',
      version: null,
      method: name,
      network: chain,
      asset: currency,
      amount,
      recipient,
      resource: null,
      description,
      expiresAt,
      splits,
      digest: challenge.digest ?? null,
      needsTransaction: method.needsTransaction(amount),
      async sign(signing) {
        const { payload, ...rest } = await method.sign(charge, signing)
        // Some servers compare it as text.
        const source = formatSource({ chain, address: checksumAddress(signing.signer.address) })
        return { ...rest, field: [AUTHORIZATION, formatCredential(challenge, payload, source)] }
      },
    }
  )
}

/** Formats a credential for `Authorization` (section 5.2): the challenge as it came, and what pays it. */
function formatCredential(challenge: ChallengeParams, payload: JsonObject, source: string): string {
  const echoed = Object.entries(challenge).filter(([, value]) => value !== undefined)
  return `${PAYMENT_SCHEME} ${encodeEnvelope({ challenge: Object.fromEntries(echoed), payload, source })}`
}
