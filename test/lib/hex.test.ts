import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, isHex, toHex } from '../../src/lib/hex.ts'

describe('hex', () => {
  it('is written as Buffer writes it, and read back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const hex = toHex(bytes)
        expect(hex).toBe(`0x${Buffer.from(bytes).toString('hex')}`)
        expect(isHex(hex)).toBe(true)
        expect(isHex(hex, bytes.length)).toBe(true)
        expect(isHex(hex, bytes.length + 1)).toBe(false)
        expect(fromHex(hex)).toEqual(bytes)
      }),
    )
  })

  it('is read in either case', () => {
    expect(fromHex('0xABCDEF')).toEqual(fromHex('0xabcdef'))
  })

  it.each([
    '',
    '0',
    '0x0',
    '0X00',
    'x00',
    '00',
    '0x0g',
    '0x 0',
    '0x00 ',
    '0x00\n',
    '-0x00',
    '0x０0',
    0,
    null,
    {},
  ])('is not %j', (value) => expect(isHex(value)).toBe(false))

  it('is told from hostile text of a megabyte', () => {
    expect(isHex(`0x${'a'.repeat(1 << 20)}`)).toBe(true)
    expect(isHex(`0x${'a'.repeat(1 << 20)}g`)).toBe(false)
    expect(isHex(`0x${'a'.repeat(1 << 20)}`, 20)).toBe(false)
  })
})
