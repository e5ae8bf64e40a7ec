import type { Price } from '../../payments/amount.ts'
import type { Terms } from '../protocol.ts'
import { encodeEnvelope } from './envelope.ts'
import type { Method } from './method.ts'

interface Remembered {
  readonly terms: Terms
  readonly text: string
}

/** By the price, which is one object for all requests of a route; a computed price is one each, and forgotten with it. */
const remembered = new WeakMap<Price, Map<Method, Remembered>>()

/** The `request` of a method's challenge, as it stands on the wire. The same terms give the same text: it is remembered. */
export function encodeRequest(method: Method, terms: Terms): string {
  const ofPrice = remembered.get(terms.price) ?? new Map<Method, Remembered>()
  const known = ofPrice.get(method)
  if (known !== undefined && isSame(known.terms, terms)) return known.text
  const { price, recipient, description } = terms
  const text = encodeEnvelope(method.request(terms))
  remembered.set(price, ofPrice.set(method, { terms: { price, recipient, description }, text }))
  return text
}

const isSame = (a: Terms, b: Terms): boolean => a.recipient === b.recipient && a.description === b.description
