import { isJsonObject, type Json, type JsonObject, toJsonObject } from '../../lib/json.ts'
import type { Fields, HeaderField } from '../../lib/message.ts'
import { type ChallengeParams, formatChallenge, parseChallenges } from './challenge.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { AUTHORIZATION, PAYMENT_RECEIPT, PAYMENT_SCHEME, WWW_AUTHENTICATE } from './headers.ts'

// The MCP transport of MPP (draft-payment-transport-mcp-00): what stands in header fields over HTTP stands in `_meta`, in results
// and in errors here, and the `request` of a challenge is an object.

/** Key of the credential, in the `_meta` of a call. */
const CREDENTIAL = 'org.paymentauth/credential'
/** Key of the receipt, in the `_meta` of a result. */
const RECEIPT = 'org.paymentauth/receipt'
/** Where mppx looks for the data of error -32042 in the `_meta` of a result, beside the error itself. */
export const PAYMENT_REQUIRED = 'org.paymentauth/payment-required'

/** What stands for header fields, beside arguments and results. */
type Meta = Readonly<Record<string, unknown>>

/** The HTTP field that the credential of a call stands for; `null` when it has none. */
export function credentialField(meta: Meta): HeaderField | null {
  const credential = meta[CREDENTIAL] ?? null
  if (credential === null) return null
  const object = toJsonObject(credential)
  return [AUTHORIZATION, `${PAYMENT_SCHEME} ${object === null ? '' : encodeEnvelope(withText(object))}`]
}

/** The credential with the `request` as HTTP has it, which is what its id was made of. */
function withText(credential: JsonObject): JsonObject {
  const { challenge } = credential
  if (!isJsonObject(challenge) || !isJsonObject(challenge['request'])) return credential
  return { ...credential, challenge: { ...challenge, request: encodeEnvelope(challenge['request']) } }
}

/** Id of the challenge that a call answers, for its receipt; `null` when it answers none. */
export function challengeIdOf(meta: Meta): string | null {
  const { challenge } = toJsonObject(meta[CREDENTIAL]) ?? {}
  const id = isJsonObject(challenge) ? challenge['id'] : null
  return typeof id === 'string' ? id : null
}

/** What an unpaid call is told: the `data` of the error. */
export interface PaymentRequired {
  readonly data: JsonObject
  /** The same, for the `_meta` of a result. */
  readonly meta: JsonObject
}

/**
 * Makes it of the 402 that HTTP clients would get; `null` when that has no challenge of MPP.
 *
 * @param problem - The body of the 402, without what other protocols have put into it.
 */
export function readPaymentRequired(headers: Fields, problem: JsonObject): PaymentRequired | null {
  const challenges = parseChallenges(headers.get(WWW_AUTHENTICATE) ?? '') ?? []
  if (challenges.length === 0) return null
  const data = {
    httpStatus: 402,
    challenges: challenges.flatMap((challenge) => {
      const request = decodeEnvelope(challenge?.request ?? '')
      const object = toJsonObject({ ...challenge, request })
      return request === null || object === null ? [] : [object]
    }),
    problem,
  }
  return { data, meta: { [PAYMENT_REQUIRED]: data } }
}

/** Code of the JSON-RPC error for a 402 (section "Error Code Mapping"), by the problem in its body. */
export function errorCode({ type, code }: JsonObject): -32042 | -32043 | -32602 {
  if (code === 'payment-required' || code === 'session-not-found') return -32042
  return String(type).endsWith('/malformed-credential') ? -32602 : -32043
}

/** The receipt of a paid answer, for the `_meta` of the result. */
export function receiptMeta(headers: Fields, challengeId: string | null): JsonObject {
  const receipt = decodeEnvelope(headers.get(PAYMENT_RECEIPT) ?? '')
  return receipt === null ? {} : { [RECEIPT]: { ...receipt, challengeId } }
}

/** The client's side of {@link readPaymentRequired}: the fields of an HTTP 402 for the data of an unpaid call. */
export function challengeFields(data: unknown): readonly HeaderField[] {
  const { challenges } = toJsonObject(data) ?? {}
  return Array.isArray(challenges) ? challenges.flatMap(challengeField) : []
}

function challengeField(challenge: Json): readonly HeaderField[] {
  const { request, digest = null, opaque = null, ...others } = isJsonObject(challenge) ? challenge : {}
  const texts = Object.fromEntries(Object.entries(others).filter(([, value]) => typeof value === 'string'))
  if (!isJsonObject(request)) return []
  const params = {
    ...(texts as unknown as ChallengeParams),
    request: encodeEnvelope(request),
    // The digest is of the arguments as the server reads them, with its defaults: no client can check it, but must echo it.
    opaque: encodeEnvelope({ digest, opaque }),
  }
  try {
    return [[WWW_AUTHENTICATE, formatChallenge(params)]]
  } catch {
    // It has letters that no HTTP field can carry.
    return []
  }
}

/** The client's side of {@link credentialField}, for a challenge of {@link challengeFields}. */
export function credentialMeta(headers: Fields): JsonObject {
  const field = headers.get(AUTHORIZATION) ?? ''
  const isPayment = field.startsWith(`${PAYMENT_SCHEME} `)
  const credential = isPayment ? decodeEnvelope(field.slice(PAYMENT_SCHEME.length + 1)) : null
  const challenge = credential?.['challenge']
  if (credential === null || !isJsonObject(challenge)) return {}
  const request = decodeEnvelope(String(challenge['request']))
  const { digest, opaque } = decodeEnvelope(String(challenge['opaque'])) ?? {}
  const { opaque: _, ...others } = challenge
  const echoed = { ...others, request, ...(digest != null && { digest }), ...(opaque != null && { opaque }) }
  return { [CREDENTIAL]: { ...credential, challenge: echoed } }
}

/** The client's side of {@link receiptMeta}. */
export function receiptFields(meta: Meta): readonly HeaderField[] {
  const receipt = toJsonObject(meta[RECEIPT])
  return receipt === null ? [] : [[PAYMENT_RECEIPT, encodeEnvelope(receipt)]]
}
