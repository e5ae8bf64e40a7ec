import * as z from 'zod/mini'
import type { Authorization } from '../../evm/authorization.ts'
import { type Hex, isHex } from '../../lib/hex.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import type { Fields } from '../../lib/message.ts'
import { parseAddress } from '../../payments/address.ts'
import { parseAmount } from '../../payments/amount.ts'
import { isRefusal, type Refusal, refuse } from '../../problems/refusal.ts'
import type { Credential } from '../protocol.ts'
import { decodeEnvelope } from './envelope.ts'
import { MAX_CREDENTIAL, PAYMENT_ID, PAYMENT_SIGNATURE, X_PAYMENT } from './headers.ts'

/** A PaymentPayload of the `exact` scheme, read but not yet believed. */
export interface Content {
  readonly version: 1 | 2
  /** v2: the requirement that the client says it accepted. */
  readonly accepted: JsonObject | null
  /** v1: the chain, by its v1 name. */
  readonly v1Network: string | null
  readonly authorization: Authorization
  readonly signature: Hex
  /** v2: the id of the `payment-identifier` extension. */
  readonly paymentId: string | null
}

/** Marks text that a check turns into the value itself. */
const parsed = <Value>(parse: (text: unknown) => Value | null, expected: string) =>
  z.pipe(
    z.unknown(),
    z.transform((value, context): Value => {
      const result = parse(value)
      if (result !== null) return result
      context.issues.push({ code: 'custom', message: expected, input: value })
      return z.NEVER
    }),
  )

const address = parsed(parseAddress, 'an address')
const amount = parsed(parseAmount, 'a decimal integer as a string')
const bytes32 = parsed(
  (text) => (isHex(text, 32) ? (text.toLowerCase() as Hex) : null),
  '32 bytes of hexadecimal',
)
/** ECDSA has 65 bytes; those of contract wallets have any length, within reason. */
const signature = parsed((text) => (isHex(text) && text.length <= 8194 ? text : null), 'hexadecimal bytes')
const object = parsed((value) => (isJsonObject(value) ? value : null), 'an object')

const exact = z.object({
  signature,
  authorization: z.object({
    from: address,
    to: address,
    value: amount,
    validAfter: amount,
    validBefore: amount,
    nonce: bytes32,
  }),
})

/** The extension that names a request, so that it can be sent again; its id is the client's to choose. */
const paymentIdentifier = z.object({
  info: z.object({ id: z.optional(z.string().check(z.regex(PAYMENT_ID))) }),
})

const schemaV2 = z.object({
  x402Version: z.literal(2),
  accepted: object,
  payload: exact,
  extensions: z.optional(z.nullable(z.object({ 'payment-identifier': z.optional(paymentIdentifier) }))),
})

const schemaV1 = z.object({
  x402Version: z.literal(1),
  scheme: z.literal('exact'),
  network: z.string(),
  payload: exact,
})

/** Reads `PAYMENT-SIGNATURE` (v2) or `X-PAYMENT` (v1); `null` when the request has neither. */
export function readCredential(request: Fields): Credential | Refusal | null {
  const v2 = request.get(PAYMENT_SIGNATURE)
  const v1 = request.get(X_PAYMENT)
  if (v2 !== null && v1 !== null) {
    return refuse('bad-request', `The request carries both ${PAYMENT_SIGNATURE} and ${X_PAYMENT}.`)
  }
  const text = v2 ?? v1
  // Stub payments share the v1 field and are not for us: base64 has no underscore.
  if (text === null || text.startsWith('stub_')) return null
  const field = v2 === null ? X_PAYMENT : PAYMENT_SIGNATURE
  if (text.length > MAX_CREDENTIAL) {
    return refuse('credential-too-large', `${field} is too long.`, {
      expected: `at most ${MAX_CREDENTIAL} characters`,
      got: `${text.length} characters`,
    })
  }
  const envelope = decodeEnvelope(text)
  if (envelope === null) {
    return refuse('malformed-credential', `${field} does not hold padded standard base64 of a JSON object.`)
  }
  const content = v2 === null ? readV1(envelope) : readV2(envelope)
  return isRefusal(content) ? content : { protocol: 'x402', text, key: content.paymentId, content }
}

function readV2(envelope: JsonObject): Content | Refusal {
  const result = z.safeParse(schemaV2, envelope)
  if (!result.success) return malformed(PAYMENT_SIGNATURE, result.error)
  const { accepted, payload, extensions } = result.data
  const paymentId = extensions?.['payment-identifier']?.info.id ?? null
  return { version: 2, accepted, v1Network: null, paymentId, ...payload }
}

function readV1(envelope: JsonObject): Content | Refusal {
  const result = z.safeParse(schemaV1, envelope)
  if (!result.success) return malformed(X_PAYMENT, result.error)
  const { network, payload } = result.data
  return { version: 1, accepted: null, v1Network: network, paymentId: null, ...payload }
}

/** Names the member, never what it held: a signature must not end up in a problem. */
function malformed(field: string, error: z.core.$ZodError): Refusal {
  const issue = error.issues[0]
  const path = issue?.path.join('.') || 'the object'
  return refuse('malformed-credential', `${field} has no valid ${path}.`, {
    ...(issue && { expected: issue.message }),
    cause: 'invalid_payload',
  })
}
