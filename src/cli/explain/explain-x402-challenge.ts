import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { MAX_CHALLENGE, MAX_OFFERS } from '../../protocols/payer.ts'
import { type Explanation, unreadable } from '../show/explanation.ts'
import type { Field } from '../show/field-list.ts'
import { type Remark, remark } from '../show/remark.ts'
import { openStandard } from './envelope.ts'
import { explainRequirement, optional, resourceRemarks } from './explain-requirement.ts'
import { malformed, shown } from './token-remarks.ts'

const V2 = 'PAYMENT-REQUIRED: what an x402 version 2 server asks for'
const V1 = 'x402 version 1: what the server asks for, in the body'

/** Explains `PAYMENT-REQUIRED` (x402 version 2). */
export function explainPaymentRequired(text: string): Explanation {
  if (text.length > MAX_CHALLENGE) {
    const says = `PAYMENT-REQUIRED has ${text.length} characters: servers and clients read some 16 000.`
    return unreadable(V2, remark('challenge-too-large', says, 'Shorten descriptions and extensions.'))
  }
  const { value, remarks } = openStandard(text, 'PAYMENT-REQUIRED')
  if (value === null) return unreadable(V2, ...remarks)
  const { x402Version, error, resource, accepts, extensions, ...others } = value
  const { url, description, mimeType } = isJsonObject(resource) ? resource : {}
  const fields: Field[] = [
    { name: 'x402Version', value: shown(x402Version), meaning: 'version of the protocol' },
    ...optional('error', error, 'why it asks'),
    { name: 'resource.url', value: shown(url), meaning: 'what is paid for' },
    ...optional('resource.description', description, 'in words of the server'),
    ...optional('resource.mimeType', mimeType, 'kind of the answer'),
    ...(isJsonObject(extensions)
      ? [
          {
            name: 'extensions',
            value: Object.keys(extensions).join(', '),
            meaning: 'what else it understands',
          },
        ]
      : []),
    ...Object.entries(others).map(([name, member]) => ({ name, value: shown(member), meaning: '' })),
  ]
  const more = [
    ...remarks,
    ...(x402Version === 2
      ? []
      : [remark('x402-version', `x402Version is ${shown(x402Version)}, in a field of version 2.`)]),
    ...resourceRemarks(url),
  ]
  return { what: V2, fields, remarks: [...more, ...listRemarks(accepts)], parts: offersOf(accepts, 2) }
}

/** Explains the challenge of x402 version 1, which stands in the body. */
export function explainV1Body(body: JsonObject): Explanation {
  const { x402Version, error, accepts } = body
  const fields = [
    { name: 'x402Version', value: shown(x402Version), meaning: 'version of the protocol' },
    ...optional('error', error, 'why it asks'),
  ]
  return { what: V1, fields, remarks: listRemarks(accepts), parts: offersOf(accepts, 1) }
}

function offersOf(accepts: unknown, version: 1 | 2): readonly Explanation[] {
  if (!Array.isArray(accepts)) return []
  return accepts.slice(0, MAX_OFFERS).map((requirement: unknown, at) => {
    const what = `offer ${at + 1}`
    return isJsonObject(requirement)
      ? explainRequirement(requirement, version, what)
      : unreadable(what, malformed(`accepts[${at}]`, 'an object'))
  })
}

function listRemarks(accepts: unknown): readonly Remark[] {
  if (!Array.isArray(accepts) || accepts.length === 0)
    return [remark('accepts-empty', 'It accepts nothing: nobody can pay.')]
  const keys = accepts.map((each) => {
    const { network, asset, payTo } = isJsonObject(each) ? each : {}
    return JSON.stringify([network, asset, payTo]).toLowerCase()
  })
  return [
    ...(new Set(keys).size < keys.length
      ? [remark('offer-repeated', 'It offers the same token on the same chain twice.', 'Offer each once.')]
      : []),
    ...(accepts.length > MAX_OFFERS
      ? [remark('too-many-offers', `It has ${accepts.length} offers; clients read the first ${MAX_OFFERS}.`)]
      : []),
  ]
}
