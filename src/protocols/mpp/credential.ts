import * as z from 'zod/mini'
import { type AuthItem, isAuthSyntaxError, parseAuthItems } from '../../lib/auth-params.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import type { Fields } from '../../lib/message.ts'
import { isRefusal, type Refusal, refuse } from '../../problems/refusal.ts'
import type { Credential } from '../protocol.ts'
import type { ChallengeParams } from './challenge.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { AUTHORIZATION, MAX_CREDENTIAL, PAYMENT_SCHEME } from './headers.ts'

/** A credential of the Payment scheme (draft-httpauth-payment-00 section 5.2), read but not yet believed. */
export interface Content {
  /** The challenge that it answers, as the client echoes it. */
  readonly challenge: ChallengeParams
  /** The method's own proof of payment. */
  readonly payload: JsonObject
  /** DID of the payer, when the client named one. */
  readonly source: string | null
}

const text = z.string('text')
const identifier = text.check(z.minLength(1, 'text that is not empty'))
const object = z.custom<JsonObject>(isJsonObject, 'an object')
/** Some clients write `null` for what is absent. */
const optional = z.pipe(
  z.nullish(text),
  z.transform((value) => value ?? undefined),
)
/** Old clients echo the object and not its encoding. */
const opaque = z.pipe(
  z.nullish(z.union([text, object], 'text')),
  z.transform((value) => (isJsonObject(value) ? encodeEnvelope(value) : (value ?? undefined))),
)

/** Unknown members are passed over (section 9.2.1). */
const schema = z.object(
  {
    challenge: z.object(
      {
        id: identifier,
        realm: text,
        method: identifier,
        intent: identifier,
        request: identifier,
        expires: optional,
        description: optional,
        digest: optional,
        opaque,
      },
      'an object',
    ),
    payload: object,
    source: optional,
  },
  'an object',
)

/** A cheap first look: most `Authorization` fields are of other schemes, and none of our business. */
const HAS_SCHEME = /(?:^|,)[ \t]*payment(?=[ \t,]|$)/i

/** Reads `Authorization: Payment …`; `null` when the request has none. Other schemes may stand beside it. */
export function readCredential(request: Fields): Credential | Refusal | null {
  const field = request.get(AUTHORIZATION)
  if (field === null || !HAS_SCHEME.test(field)) return null
  if (field.length > MAX_CREDENTIAL) {
    return refuse('credential-too-large', `${AUTHORIZATION} is too long.`, {
      expected: `at most ${MAX_CREDENTIAL} characters`,
      got: `${field.length} characters`,
    })
  }
  const items = parseAuthItems(field)
  if (isAuthSyntaxError(items)) {
    return refuse(
      'malformed-credential',
      `${AUTHORIZATION} is malformed: ${items.message} at character ${items.at}.`,
    )
  }
  const [item, ...others] = items.filter(isPayment)
  if (item === undefined) return null
  if (others.length > 0) {
    return refuse('bad-request', `The request carries ${others.length + 1} Payment credentials.`, {
      expected: 'one credential',
    })
  }
  const envelope = item.token68 === null ? null : decodeEnvelope(item.token68)
  if (item.token68 === null || envelope === null) {
    return refuse(
      'malformed-credential',
      `${AUTHORIZATION} does not hold unpadded base64url of a JSON object.`,
    )
  }
  const content = readContent(envelope)
  return isRefusal(content) ? content : { protocol: 'mpp', text: item.token68, key: null, content }
}

function isPayment({ scheme }: AuthItem): boolean {
  return scheme.toLowerCase() === PAYMENT_SCHEME.toLowerCase()
}

function readContent(envelope: JsonObject): Content | Refusal {
  const result = z.safeParse(schema, envelope)
  if (result.success) return { ...result.data, source: result.data.source ?? null }
  return malformed(result.error, '')
}

/** Names the first member that is wrong, never what it held: a signature must not end up in a problem. */
export function malformed({ issues: [issue] }: z.core.$ZodError, parent: string): Refusal {
  const path = [...(parent === '' ? [] : [parent]), ...(issue?.path ?? [])].join('.')
  return refuse('malformed-credential', `The credential has no valid ${path}.`, {
    ...(issue && { expected: issue.message }),
  })
}
