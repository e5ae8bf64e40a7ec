import { describe, expect, it, test } from 'vitest'
import { parsePrice } from '../../src/payments/amount.ts'
import type { Charge } from '../../src/protocols/protocol.ts'
import { remember } from '../../src/protocols/remember.ts'
import { createCharge } from './mpp/fixtures.ts'

const charge = createCharge()
const key = {}

/** How often something is made for these charges, asked for in turn. */
function timesMade(...charges: readonly Charge[]): number {
  let made = 0
  const make = remember(() => ++made)
  for (const each of charges) make(key, each)
  return made
}

describe('is remembered', () => {
  it.each<Partial<Charge>>([
    {},
    { url: 'https://api.example.com/report?page=2', route: 'GET /report?page=2' },
    { realm: 'other.example.com' },
    { expiresAt: charge.expiresAt + 1 },
  ])('for a request that differs in %o', (differences) => {
    expect(timesMade(charge, { ...charge, ...differences })).toBe(1)
  })
})

describe('is made anew', () => {
  it.each<Partial<Charge>>([
    { price: parsePrice('0.02') },
    { price: { ...charge.price } },
    { recipient: () => '0x0000000000000000000000000000000000000001' },
    { description: 'Another report' },
    { ttl: charge.ttl + 1 },
    { requireKey: !charge.requireKey },
    { digest: 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:' },
  ])('for a charge that differs in %o', (differences) => {
    expect(timesMade(charge, { ...charge, ...differences })).toBe(2)
  })
})

test('each key has its own', () => {
  let made = 0
  const make = remember((own: object) => [own, ++made])
  const [a, b] = [{}, {}]
  expect([make(a, charge), make(b, charge), make(a, charge)]).toEqual([
    [a, 1],
    [b, 2],
    [a, 1],
  ])
})
