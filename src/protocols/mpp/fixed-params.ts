import { formatParams } from '../../lib/auth-params.ts'
import { remember } from '../remember.ts'
import { encodeEnvelope } from './envelope.ts'
import { CHARGE_INTENT, descriptionOf, type Method } from './method.ts'

/** What of a challenge is the same for every request of a route. */
export interface FixedParams {
  /** What to pay, as it stands on the wire: base64url of the method's canonical JSON. */
  readonly request: string
  /** All of them as parameters. */
  readonly text: string
}

const PRINTABLE_ASCII = /^[\x20-\x7e]+$/

/** Remembered: it is most of a challenge. */
export const fixedParams = remember((method: Method, charge): FixedParams => {
  const request = encodeEnvelope(method.request(charge))
  const { description } = descriptionOf(charge)
  const params = {
    method: method.name,
    intent: CHARGE_INTENT,
    request,
    // The request carries the text too, and can carry every script.
    ...(description !== undefined && PRINTABLE_ASCII.test(description) && { description }),
  }
  return { request, text: formatParams(params) }
})
