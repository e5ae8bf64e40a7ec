import type { Price } from '../payments/amount.ts'
import type { Charge } from './protocol.ts'

/**
 * Remembers what a protocol makes of a charge and is the same for every request of a route.
 *
 * It is remembered by the price, which is one object for all requests of a route; a computed price is one each, and what was
 * made of it is forgotten with it.
 *
 * @param make - May use of the charge what {@link isSame} compares.
 */
export function remember<Key extends object, Value>(
  make: (key: Key, charge: Charge) => Value,
): (key: Key, charge: Charge) => Value {
  const remembered = new WeakMap<Price, Map<Key, { readonly charge: Charge; readonly value: Value }>>()
  return (key, charge) => {
    const ofPrice = remembered.get(charge.price)
    const known = ofPrice?.get(key)
    if (known !== undefined && isSame(known.charge, charge)) return known.value
    const value = make(key, charge)
    remembered.set(charge.price, (ofPrice ?? new Map()).set(key, { charge, value }))
    return value
  }
}

function isSame(a: Charge, b: Charge): boolean {
  return (
    a.recipient === b.recipient &&
    a.description === b.description &&
    a.ttl === b.ttl &&
    a.requireKey === b.requireKey &&
    (a.digest === null) === (b.digest === null)
  )
}
