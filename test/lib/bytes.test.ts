import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8, constantTimeEqual, fromUtf8, utf8 } from '../../src/lib/bytes.ts'

/** Well-formed text of all planes, dense where the orders of UTF-8 and UTF-16 differ. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\0', 'a', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{103ff}', '\u{10ffff}'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((unit) => unit.isWellFormed()),
  ),
  maxLength: 6,
})

describe('UTF-8', () => {
  it('comes back as the text it was', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(fromUtf8(utf8(value))).toBe(value)
      }),
    )
  })

  it('keeps a byte order mark, so that two texts stay two', () => {
    expect(fromUtf8(utf8('\ufeff{}'))).toBe('\ufeff{}')
  })

  it.each([
    ['a stray continuation', [0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['an overlong sequence', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point past the last', [0xf4, 0x90, 0x80, 0x80]],
  ])('is refused with %s, and the next text is read', (_, bytes) => {
    expect(fromUtf8(new Uint8Array(bytes))).toBeNull()
    expect(fromUtf8(utf8('€'))).toBe('€')
  })

  it('is refused or returned unchanged, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const read = fromUtf8(bytes)
        if (read !== null) expect(utf8(read)).toEqual(bytes)
      }),
    )
  })
})

describe('constantTimeEqual', () => {
  it('tells equal from different', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(constantTimeEqual(a, b)).toBe(a === b)
        expect(constantTimeEqual(a, `${a}`)).toBe(true)
        expect(constantTimeEqual(a, `${a}x`)).toBe(false)
      }),
    )
  })

  it('sees a difference in any one place', () => {
    const secret = 'abcdefgh'
    for (let at = 0; at < secret.length; at++) {
      expect(constantTimeEqual(secret, `${secret.slice(0, at)}_${secret.slice(at + 1)}`)).toBe(false)
    }
  })
})

describe('compareUtf8', () => {
  it('orders as the bytes are ordered', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(utf8(a), utf8(b)))
      }),
      { numRuns: 2000 },
    )
  })

  it('puts U+10000 after U+FFFF, unlike JavaScript', () => {
    expect('\u{10000}' < '\uffff').toBe(true)
    expect(compareUtf8('\u{10000}', '\uffff')).toBeGreaterThan(0)
  })
})
