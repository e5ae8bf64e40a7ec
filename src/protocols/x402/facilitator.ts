import * as z from 'zod/mini'
import type { Settler, SignedTransfer } from '../../evm/settler.ts'
import { within } from '../../lib/deadline.ts'
import { type Exchange, type Fetch, getJson, postJson } from '../../lib/exchange.ts'
import { type Hex, isHex } from '../../lib/hex.ts'
import { type JsonObject, parseJsonObject } from '../../lib/json.ts'
import { storable } from '../../lib/storable.ts'
import { parseAddress } from '../../payments/address.ts'
import type { Settlement } from '../../payments/settlement.ts'
import { invalidOption } from '../../problems/error.ts'
import { refuseUnknownOptions } from '../../problems/options.ts'
import { type Refusal, refuse } from '../../problems/refusal.ts'

/** An endpoint of a facilitator (x402 v2 section 7). */
export type FacilitatorCall = 'verify' | 'settle' | 'supported'

/** Which facilitator settles, and how it is called. */
export interface FacilitatorOptions {
  /** Base URL, to which `/settle` is added. `https:`, or `http:` to this machine. */
  readonly url: string
  /** Header fields that authenticate a call, asked for before each. Default: none. */
  readonly auth?: (call: FacilitatorCall) => Fields | Promise<Fields>
  /** How long a settlement may take, milliseconds, 1000 to 600 000; then its outcome is unknown. Default 30 000. */
  readonly timeoutMs?: number
  /** Carries the calls instead of the runtime's `fetch`: a service binding, or a facilitator in a test. Must heed `signal`. */
  readonly fetch?: Fetch
}

/** A {@link Settler} that is a service. */
export interface Facilitator extends Settler {
  /** What the facilitator says it settles (GET /supported); `null` when it did not say. */
  supported(): Promise<readonly SupportedKind[] | null>
}

/** A way of paying that a facilitator settles (x402 v2 section 7.3). */
export interface SupportedKind {
  readonly x402Version: number
  readonly scheme: string
  /** CAIP-2 chain id; v1 facilitators name chains as v1 does. */
  readonly network: string
}

type Fields = Readonly<Record<string, string>>

/** Longest answer that is read; a SettleResponse has a few hundred bytes. */
const MAX_BYTES = 64 * 2 ** 10

/** Statuses that turn a request away unprocessed. Not 400: reference facilitators answer it whatever went wrong. */
const TURNED_AWAY = new Set([301, 302, 303, 307, 308, 401, 403, 404, 405, 413, 415, 429])

/** Reasons that facilitators give when they lost sight of a transaction, `settlement_pending` among them. */
const IN_DOUBT = /pending|unexpected|time[d ]*-?_?out|receipt/i

/**
 * What reference facilitators call a transaction that was reverted, which they name, and whatever else went wrong on the way: a
 * node may have taken the transaction although its answer got lost.
 */
const BROKEN_OFF = /(?:transaction_failed|failed_to_execute_transfer)$/

const text = z.optional(z.nullable(z.string()))

/** SettleResponse (x402 v2 section 5.3); v1 facilitators leave out what failed settlements do not have. */
const settleResponse = z.object({
  success: z.boolean(),
  errorReason: text,
  transaction: text,
  network: text,
  payer: text,
  amount: text,
  asset: text,
  payTo: text,
})

const verifyResponse = z.object({ isValid: z.boolean(), invalidReason: text, payer: text })

const supportedResponse = z.object({
  kinds: z.array(z.object({ x402Version: z.number(), scheme: z.string(), network: z.string() })),
})

type SettleResponse = z.infer<typeof settleResponse>

/**
 * Settles through an x402 facilitator: a service that submits payers' authorizations. It is believed when it says that
 * money moved and every particular is right; whatever else may have moved money is `unknown`, never `failed`.
 *
 * @throws CofferError `invalid-option`.
 */
export function facilitator(options: FacilitatorOptions): Facilitator {
  refuseUnknownOptions(options, ['url', 'auth', 'timeoutMs', 'fetch'], 'facilitator')
  const { auth = () => ({}), timeoutMs = 30_000, fetch } = options
  const url = readUrl(options.url)
  if (!(timeoutMs >= 1000 && timeoutMs <= 600_000)) {
    invalidOption('facilitator.timeoutMs', 'milliseconds from 1000 to 600000', timeoutMs)
  }

  const carry = { timeoutMs, maxBytes: MAX_BYTES, fetch }

  /** Fields that authenticate a call; `null` when they could not be had. */
  async function authenticate(call: FacilitatorCall): Promise<Fields | null> {
    try {
      return await within(timeoutMs, Promise.resolve(auth(call)))
    } catch {
      // What it threw may hold the secret that it failed with.
      return null
    }
  }

  return {
    name: 'facilitator',
    async verify(transfer) {
      const fields = await authenticate('verify')
      if (fields === null) return unavailable('The authentication of the facilitator call failed.')
      return readVerification(await postJson(`${url}/verify`, requestFor(transfer), fields, carry), transfer)
    },
    async settle(transfer) {
      const fields = await authenticate('settle')
      if (fields === null) return unsent('The authentication of the facilitator call failed.')
      return readExchange(await postJson(`${url}/settle`, requestFor(transfer), fields, carry), transfer)
    },
    async supported() {
      const fields = await authenticate('supported')
      const exchange = fields && (await getJson(`${url}/supported`, fields, carry))
      const answer = exchange?.answered
        ? z.safeParse(supportedResponse, parseJsonObject(exchange.text))
        : null
      return answer?.success ? answer.data.kinds : null
    },
  }
}

/** The body of POST /verify and POST /settle (x402 v2 section 7). */
function requestFor({ network, asset, authorization, signature, resource }: SignedTransfer): JsonObject {
  const { from, to, value, validAfter, validBefore, nonce } = authorization
  const seconds = Number(validBefore) - Math.floor(Date.now() / 1000)
  const paymentRequirements = {
    scheme: 'exact',
    network: network.id,
    amount: value.toString(),
    asset: asset.address,
    payTo: to,
    maxTimeoutSeconds: Math.min(Math.max(seconds, 1), 86_400),
    extra: { ...asset.eip712 },
  }
  const payload = {
    signature,
    authorization: {
      from,
      to,
      value: value.toString(),
      validAfter: validAfter.toString(),
      validBefore: validBefore.toString(),
      nonce,
    },
  }
  const paymentPayload = {
    x402Version: 2,
    resource: { url: resource },
    accepted: paymentRequirements,
    payload,
  }
  return { x402Version: 2, paymentPayload, paymentRequirements }
}

/** Nothing has moved yet, so that whatever is not a clear answer is worth another try. */
function readVerification(exchange: Exchange, transfer: SignedTransfer): Refusal | null {
  const answer = exchange.answered ? z.safeParse(verifyResponse, parseJsonObject(exchange.text)) : null
  if (!answer?.success) return unavailable('The facilitator did not say whether the payment is valid.')
  const { isValid, invalidReason, payer } = answer.data
  if (!isValid) {
    const cause = reasonOf(invalidReason ?? 'invalid_payment')
    return refuse('verification-failed', 'The facilitator refuses the payment.', { cause })
  }
  if (payer == null || parseAddress(payer) === transfer.authorization.from) return null
  return refuse('verification-failed', 'The facilitator names another payer.', { cause: 'payer_mismatch' })
}

function readExchange(exchange: Exchange, transfer: SignedTransfer): Settlement {
  if (!exchange.answered) {
    const detail = `The facilitator ${exchange.why}.`
    return exchange.sent ? unknown(null, detail) : unsent(detail)
  }
  const { status } = exchange
  const answer = z.safeParse(settleResponse, parseJsonObject(exchange.text))
  // Success under an error status says two things at once: believe neither.
  if (answer.success && (status < 300 || (status < 500 && !answer.data.success))) {
    return readResponse(answer.data, transfer)
  }
  const detail = `The facilitator answered with status ${status} and no settlement.`
  return TURNED_AWAY.has(status) ? unsent(detail) : unknown(null, detail)
}

function readResponse(response: SettleResponse, transfer: SignedTransfer): Settlement {
  const transaction = isHex(response.transaction, 32) ? (response.transaction.toLowerCase() as Hex) : null
  if (!response.success) {
    const cause = reasonOf(response.errorReason ?? 'settlement_failed')
    if (IN_DOUBT.test(cause) || (transaction === null && BROKEN_OFF.test(cause)))
      return unknown(transaction, 'The facilitator does not know how the settlement ended.')
    return { outcome: 'failed', cause, detail: 'The facilitator refused the settlement.' }
  }
  if (transaction === null) return unknown(null, 'The facilitator named no transaction.')
  const wrong = findMismatch(response, transfer)
  if (wrong !== null) return unknown(transaction, `The facilitator settled something else: another ${wrong}.`)
  return { outcome: 'settled', transaction, block: null }
}

/**
 * A reason that can be shown, logged and stored: without the signature, which talkative facilitators repeat, and without what
 * no store can hold.
 */
function reasonOf(text: string): string {
  return storable(text.replace(/0x[0-9a-f]{65,}/gi, '0x…'), 200)
}

/** Which particular of a settlement is not what was asked. All but the network may be left out. */
function findMismatch(
  { network, payer, amount, asset, payTo }: SettleResponse,
  transfer: SignedTransfer,
): string | null {
  const { id, v1Name } = transfer.network
  const { from, to, value } = transfer.authorization
  if (network !== id && (v1Name === null || network !== v1Name)) return 'network'
  if (payer != null && parseAddress(payer) !== from) return 'payer'
  if (amount != null && amount !== value.toString()) return 'amount'
  if (asset != null && parseAddress(asset) !== transfer.asset.address) return 'asset'
  if (payTo != null && parseAddress(payTo) !== to) return 'recipient'
  return null
}

function readUrl(option: string): string {
  const url = URL.canParse(option) ? new URL(option) : null
  const isLocal = url !== null && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLocal))) {
    return invalidOption('facilitator.url', 'an https URL, or http to this machine')
  }
  if (url.search !== '' || url.hash !== '')
    invalidOption('facilitator.url', 'a URL without query and fragment')
  return url.href.replace(/\/+$/, '')
}

const unavailable = (detail: string): Refusal => refuse('settlement-unavailable', detail, { retryAfter: 5 })

const unsent = (detail: string): Settlement => ({ outcome: 'unsent', detail })

const unknown = (transaction: Hex | null, detail: string): Settlement => ({
  outcome: 'unknown',
  transaction,
  detail,
})
