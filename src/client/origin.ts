import { isThisMachine } from '../lib/this-machine.ts'
import type { Outgoing } from './outgoing.ts'
import type { OfferRefusal } from './payment-error.ts'
import type { Policy } from './policy.ts'

/** Whether the server that asks for payment is one to be paid; else, why not. */
export function checkOrigin(
  url: URL,
  { url: asked, method }: Outgoing,
  { origins }: Policy,
): OfferRefusal | null {
  const no = (reason: OfferRefusal['reason'], detail: string, expected: string) => ({
    reason,
    detail,
    expected,
    got: url.origin,
    offer: null,
  })
  if (url.origin !== asked.origin) {
    return no(
      'redirected',
      'The request was redirected to another origin, which asks for payment.',
      asked.origin,
    )
  }
  if (url.href !== asked.href && method !== 'GET' && method !== 'HEAD') {
    // It may have been made another request on the way.
    return no('redirected', `The ${method} was redirected: send it to where it led.`, asked.href)
  }
  if (origins !== null && !origins.includes(url.origin)) {
    return no('origin-not-accepted', `${url.origin} is not among policy.origins.`, origins.join(', '))
  }
  if (origins === null && url.protocol !== 'https:' && !isThisMachine(url.hostname)) {
    return no(
      'insecure-origin',
      `${url.origin} is not encrypted: list it in policy.origins to pay it.`,
      'https',
    )
  }
  return null
}
