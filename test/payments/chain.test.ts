import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chainIdOf, chainNumberOf } from '../../src/payments/chain.ts'

describe('a chain', () => {
  it('has a CAIP-2 id', () => {
    expect(chainIdOf(8453)).toBe('eip155:8453')
    expect(chainNumberOf('eip155:42431')).toBe(42431)
  })

  it('is the same by number and by id', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (number) => {
        expect(chainNumberOf(chainIdOf(number))).toBe(number)
      }),
    )
  })
})
