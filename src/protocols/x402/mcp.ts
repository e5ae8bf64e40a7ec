import { encodeBase64 } from '../../lib/base64.ts'
import { canonicalJson, isJsonObject, type Json, type JsonObject, toJsonObject } from '../../lib/json.ts'
import type { Fields, HeaderField } from '../../lib/message.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import {
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
  X_PAYMENT,
  X_PAYMENT_RESPONSE,
} from './headers.ts'

// The MCP transport of x402 (specs/transports-v2/mcp.md, specs/transports-v1/mcp.md): what stands in header fields over HTTP
// stands in `_meta` and in results here, as JSON.

/** Key of the payment, in the `_meta` of a call. */
const PAYMENT = 'x402/payment'
/** Key of the receipt, in the `_meta` of a result. */
const RECEIPT = 'x402/payment-response'
/** Where the clients of Cloudflare's agents SDK look for offers, in the `_meta` of a result. */
const ERROR = 'x402/error'

/** What stands for header fields, beside arguments and results. */
type Meta = Readonly<Record<string, unknown>>

/** The HTTP field that the payment of a call stands for; `null` when it has none. */
export function credentialField(meta: Meta): HeaderField | null {
  const payment = meta[PAYMENT] ?? null
  if (payment === null) return null
  // Clients of Cloudflare's send the text of the field.
  const text = typeof payment === 'string' ? payment : encode(payment)
  const field = /^[\x21-\x7e]*$/.test(text) ? text : ''
  return [decodeEnvelope(field)?.['x402Version'] === 2 ? PAYMENT_SIGNATURE : X_PAYMENT, field]
}

/** In canonical form, so that the same payment is the same text whichever way it is written. Nothing, when it is no object. */
function encode(payment: unknown): string {
  const object = toJsonObject(payment)
  return object === null ? '' : encodeBase64(canonicalJson(object))
}

/** What an unpaid call is told, in the words of each version. */
export interface PaymentRequired {
  readonly v2: JsonObject
  readonly v1: JsonObject
  /** Both, for the `_meta` of a result: a client of either version pays the first offer that it knows. */
  readonly meta: JsonObject
}

/** Makes it of the 402 that HTTP clients would get; `null` when that offers nothing of x402. */
export function readPaymentRequired(
  headers: Fields,
  body: JsonObject,
  resource: string,
): PaymentRequired | null {
  const required = decodeEnvelope(headers.get(PAYMENT_REQUIRED) ?? '')
  if (required === null) return null
  const { x402Version, error, accepts } = body
  const v2 = { ...required, resource: { ...objectOf(required['resource']), url: resource } }
  const v1 = {
    x402Version: x402Version ?? 1,
    error: error ?? '',
    accepts: listOf(accepts).map((offer) => ({ ...objectOf(offer), resource })),
  }
  const both = [...listOf(required['accepts']), ...v1.accepts]
  return { v2, v1, meta: { [ERROR]: { ...v2, accepts: both } } }
}

const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {})
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : [])

/** The receipt of a paid answer, for the `_meta` of the result. */
export function receiptMeta(headers: Fields): JsonObject {
  const field = headers.get(PAYMENT_RESPONSE) ?? headers.get(X_PAYMENT_RESPONSE)
  const receipt = field === null ? null : decodeEnvelope(field)
  return receipt === null ? {} : { [RECEIPT]: receipt }
}

/** The client's side of {@link credentialField}. */
export function credentialMeta(headers: Fields): JsonObject {
  const field = headers.get(PAYMENT_SIGNATURE) ?? headers.get(X_PAYMENT)
  const payment = field === null ? null : decodeEnvelope(field)
  return payment === null ? {} : { [PAYMENT]: payment }
}

/** What of an HTTP 402 stands for what an unpaid call is told. */
export interface RequiredParts {
  readonly headers: readonly HeaderField[]
  /** Members of the body, which is where clients of version 1 look. */
  readonly members: JsonObject
}

/**
 * The client's side of {@link readPaymentRequired}; `null` for a value that asks for nothing. What a tool says its URL is has no
 * meaning to HTTP, and is left out.
 */
export function toRequiredParts(value: unknown): RequiredParts | null {
  const required = requiredIn(toJsonObject(value))
  if (required === null) return null
  if (required['x402Version'] === 1) {
    const accepts = listOf(required['accepts']).map((offer) => ({ ...objectOf(offer), resource: null }))
    return { headers: [], members: { ...required, accepts } }
  }
  const { url: _, ...resource } = objectOf(required['resource'])
  return { headers: [[PAYMENT_REQUIRED, encodeEnvelope({ ...required, resource })]], members: {} }
}

/** The PaymentRequired that a value is, or wraps: earlier texts of the specification had `x402/error`, errors have `x402`. */
function requiredIn(value: JsonObject | null): JsonObject | null {
  const wrapped = [objectOf(value?.[ERROR])['data'], value?.['x402'], value]
  const isRequired = (each: Json | undefined): each is JsonObject =>
    isJsonObject(each) && 'x402Version' in each && Array.isArray(each['accepts'])
  return wrapped.find(isRequired) ?? null
}

/** The client's side of {@link receiptMeta}. */
export function receiptFields(meta: Meta): readonly HeaderField[] {
  const receipt = toJsonObject(meta[RECEIPT])
  return receipt === null ? [] : [[PAYMENT_RESPONSE, encodeEnvelope(receipt)]]
}
