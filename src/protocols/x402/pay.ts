import { type Authorization, authorizationTypedData } from '../../evm/authorization.ts'
import { signTypedData } from '../../evm/signer.ts'
import { isHex, toHex } from '../../lib/hex.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts'
import type { HeaderField } from '../../lib/message.ts'
import { type Address, parseAddress } from '../../payments/address.ts'
import { parseAmount } from '../../payments/amount.ts'
import {
  MAX_CHALLENGE,
  MAX_OFFERS,
  MAX_VALIDITY_SECONDS,
  type OffersRead,
  type PayerProtocol,
  type ReceivedOffer,
  type Signed,
  type Signing,
  type Unpaid,
} from '../payer.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import {
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
  X_PAYMENT,
  X_PAYMENT_RESPONSE,
} from './headers.ts'
import { parseNetwork } from './network-name.ts'
import { parseReceipt } from './receipt.ts'

/** How x402 is paid, versions 2 and 1: the `exact` scheme with EIP-3009 tokens. */
export const x402Payer: PayerProtocol = {
  name: 'x402',
  readOffers,
  readReceipt(answer) {
    const field = answer.get(PAYMENT_RESPONSE) ?? answer.get(X_PAYMENT_RESPONSE)
    if (field === null) return null
    const receipt = parseReceipt(field)
    if (receipt === null) return 'unreadable'
    // It is shown to people and models, and signed: what is no hash would be words of the server's.
    return { ...receipt, transaction: isHex(receipt.transaction, 32) ? receipt.transaction : null }
  },
}

/** Version 2 is in a field, version 1 in the body; a server that speaks both means the same by both. */
function readOffers({ headers, body }: Unpaid): OffersRead {
  const field = headers.get(PAYMENT_REQUIRED)
  if (field !== null) {
    const required = field.length > MAX_CHALLENGE ? null : decodeEnvelope(field)
    if (required?.['x402Version'] === 2) return readAccepts(required, readV2)
    return nothing(`${PAYMENT_REQUIRED} does not hold an x402 version 2 challenge.`)
  }
  return body?.['x402Version'] === 1 ? readAccepts(body, readV1) : nothing()
}

/** Reads one way to pay; text says why it cannot be read. */
type ReadRequirement = (requirement: JsonObject, challenge: JsonObject) => ReceivedOffer | string

function readAccepts(challenge: JsonObject, read: ReadRequirement): OffersRead {
  const accepts = challenge['accepts']
  if (!Array.isArray(accepts)) return nothing('The x402 challenge accepts nothing.')
  const results = accepts
    .slice(0, MAX_OFFERS)
    .map((requirement: Json) =>
      isJsonObject(requirement) ? read(requirement, challenge) : 'A requirement is no object.',
    )
  return {
    offers: results.filter((result) => typeof result !== 'string'),
    unreadable: results.filter((result) => typeof result === 'string'),
    why: textOf(challenge['error']),
  }
}

function nothing(...unreadable: readonly string[]): OffersRead {
  return { offers: [], unreadable, why: null }
}

/** PaymentRequirements of version 2 (section 5.1). */
function readV2(requirement: JsonObject, { resource, extensions }: JsonObject): ReceivedOffer | string {
  const asked = isJsonObject(resource) ? resource : {}
  const identifier = isJsonObject(extensions) ? extensions['payment-identifier'] : null
  return readTerms(requirement, requirement['amount'], {
    version: 2,
    resource: textOf(asked['url']),
    description: textOf(asked['description']),
    write: (payload, key) => {
      const named = isJsonObject(identifier) && { extensions: nameRequest(identifier, key) }
      return [PAYMENT_SIGNATURE, encodeEnvelope({ x402Version: 2, accepted: requirement, payload, ...named })]
    },
  })
}

/** PaymentRequirements of version 1. */
function readV1(requirement: JsonObject): ReceivedOffer | string {
  const { network } = requirement
  return readTerms(requirement, requirement['maxAmountRequired'], {
    version: 1,
    resource: textOf(requirement['resource']),
    description: textOf(requirement['description']),
    write: (payload) => [
      X_PAYMENT,
      encodeEnvelope({ x402Version: 1, scheme: 'exact', network: network ?? null, payload }),
    ],
  })
}

/** What differs between the versions. */
interface Version {
  readonly version: 1 | 2
  readonly resource: string | null
  readonly description: string | null
  /** Writes a credential around its payload. */
  write(payload: JsonObject, key: string): HeaderField
}

function readTerms(requirement: JsonObject, price: unknown, version: Version): ReceivedOffer | string {
  const { scheme, extra, maxTimeoutSeconds } = requirement
  if (scheme !== 'exact') return `The scheme ${shown(scheme)} is not supported.`
  const method = isJsonObject(extra) ? (extra['assetTransferMethod'] ?? 'eip3009') : 'eip3009'
  if (method !== 'eip3009') return `The transfer method ${shown(method)} is not supported.`
  const network = parseNetwork(requirement['network'])
  if (network === null) return `The network ${shown(requirement['network'])} is not supported.`
  const [asset, recipient] = [requirement['asset'], requirement['payTo']].map(parseAddress)
  const amount = parseAmount(price)
  const isTimely = Number.isInteger(maxTimeoutSeconds) && Number(maxTimeoutSeconds) > 0
  if (asset == null || recipient == null || amount === null || !isTimely) {
    return 'A requirement has no valid amount, asset, payTo or maxTimeoutSeconds.'
  }
  const { write, ...said } = version
  return {
    ...said,
    protocol: 'x402',
    method: 'exact',
    network,
    asset,
    amount,
    recipient,
    expiresAt: null,
    splits: [],
    digest: null,
    needsTransaction: false,
    sign: (signing) => sign({ network, amount, recipient }, Number(maxTimeoutSeconds), write, signing),
  }
}

async function sign(
  { network, amount, recipient }: Pick<ReceivedOffer, 'network' | 'amount' | 'recipient'>,
  maxTimeoutSeconds: number,
  write: Version['write'],
  { signer, asset, now, random, key }: Signing,
): Promise<Signed> {
  const validity = Math.min(maxTimeoutSeconds, MAX_VALIDITY_SECONDS)
  const validBefore = BigInt(Math.floor(now / 1000) + validity)
  const nonce = toHex(random(32))
  const from = signer.address.toLowerCase() as Address
  const authorization = { from, to: recipient, value: amount, validAfter: 0n, validBefore, nonce }
  const signature = await signTypedData(signer, authorizationTypedData(network, asset, authorization))
  return {
    field: write({ signature, authorization: formatAuthorization(authorization) }, key),
    evidence:
      amount === 0n
        ? { kind: 'signature' }
        : { kind: 'authorization', nonce, validBefore: validBefore.toString() },
  }
}

function formatAuthorization({ value, validAfter, validBefore, ...others }: Authorization): JsonObject {
  return {
    ...others,
    value: value.toString(),
    validAfter: validAfter.toString(),
    validBefore: validBefore.toString(),
  }
}

/** Answers the extension by which clients name their request: what the server said of it, and the name. */
function nameRequest({ info }: JsonObject, id: string): JsonObject {
  return { 'payment-identifier': { info: { ...(isJsonObject(info) && info), id } } }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** A value of the server's for people to read. */
function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : 'that it names'
}
