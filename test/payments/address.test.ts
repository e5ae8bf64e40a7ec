import fc from 'fast-check'
import { getAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/payments/address.ts'

const bytes = fc.uint8Array({ minLength: 20, maxLength: 20 })

describe('parseAddress', () => {
  it('gives every way to write an address one form', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const address = `0x${Buffer.from(value).toString('hex')}` as const
        for (const variant of [address, getAddress(address), `0x${address.slice(2).toUpperCase()}`]) {
          expect(parseAddress(variant)).toBe(address)
        }
      }),
    )
  })

  it.each([
    '',
    '0x',
    `0x${'a'.repeat(39)}`,
    `0x${'a'.repeat(41)}`,
    `0x${'a'.repeat(42)}`,
    `0x${'g'.repeat(40)}`,
    `0X${'a'.repeat(40)}`,
    'a'.repeat(40),
    ` 0x${'a'.repeat(40)}`,
    `0x${'a'.repeat(40)}\n`,
    'vitalik.eth',
    null,
    undefined,
    0,
    {},
    [`0x${'a'.repeat(40)}`],
  ])('refuses %j', (value) => expect(parseAddress(value)).toBeNull())
})
