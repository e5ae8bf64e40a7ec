import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAmount, parseAmount, parsePrice, toBaseUnits } from '../../src/payments/amount.ts'

const MAX_UINT256 = 2n ** 256n - 1n

describe('parseAmount', () => {
  it('reads what a uint256 holds', () => {
    expect(parseAmount('0')).toBe(0n)
    expect(parseAmount(String(MAX_UINT256))).toBe(MAX_UINT256)
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_UINT256 }), (amount) => {
        expect(parseAmount(String(amount))).toBe(amount)
      }),
    )
  })

  it.each([
    '',
    ' ',
    ' 1',
    '1 ',
    '1\n',
    '0x10',
    '0b1',
    '-1',
    '+1',
    '-0',
    '1e3',
    '01',
    '00',
    '1.5',
    '1.',
    '.5',
    '1,000',
    '1_000',
    '1n',
    '１２',
    '٣',
    'NaN',
    'Infinity',
    String(MAX_UINT256 + 1n),
    '9'.repeat(78),
    '1'.repeat(80),
  ])('refuses the text %j (case 14)', (text) => expect(parseAmount(text)).toBeNull())

  it.each([1, 1n, null, undefined, true, [], ['1'], {}, { toString: () => '1' }])(
    'refuses %o, which is no text',
    (value) => expect(parseAmount(value)).toBeNull(),
  )

  it('refuses a megabyte of digits', () => {
    expect(parseAmount('1'.repeat(1 << 20))).toBeNull()
  })

  it('gives one number to one text only', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789 +-.ex') }), (text) => {
        const amount = parseAmount(text)
        if (amount !== null) expect(String(amount)).toBe(text)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a price', () => {
  it.each([
    ['0.01', 6, 10_000n],
    ['1.005', 6, 1_005_000n],
    ['0.00', 6, 0n],
    ['0', 6, 0n],
    ['5', 6, 5_000_000n],
    ['5', 0, 5n],
    ['0.000001', 6, 1n],
    ['1.0000000', 6, 1_000_000n],
    ['0.000000000000000001', 18, 1n],
    ['999999999999999999', 36, 999_999_999_999_999_999n * 10n ** 36n],
  ])('of %s at %i decimals is %s base units', (text, decimals, amount) => {
    expect(toBaseUnits(parsePrice(text), decimals)).toBe(amount)
  })

  it('is exact for every decimal, where floats are not', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 999_999 }), (dollars, millionths) => {
        const text = `${dollars}.${String(millionths).padStart(6, '0')}`
        expect(toBaseUnits(parsePrice(text), 6)).toBe(BigInt(dollars) * 1_000_000n + BigInt(millionths))
      }),
    )
  })

  it.each(['1.0000001', '0.0000005'])('of %s has too many decimals for USDC', (text) => {
    expect(() => toBaseUnits(parsePrice(text), 6, 'routes.price')).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining('routes.price') }),
    )
  })

  it.each([
    '',
    ' ',
    '$1',
    '1 USD',
    '-1',
    '+1',
    '.5',
    '1.',
    '01',
    '1e3',
    '0x1',
    '1,5',
    '1.5.5',
    '１',
    '1'.repeat(19),
    `0.${'0'.repeat(19)}`,
  ])('is not %j', (text) => {
    expect(() => parsePrice(text)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  it.each([0.01, 1, 1n, null, undefined, {}, ['1'], Object.create(null), Symbol('1')])(
    'is not %o, because a price is text',
    (value) => {
      expect(() => parsePrice(value, 'routes.price')).toThrow(
        expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining('routes.price') }),
      )
    },
  )
})

describe('formatAmount', () => {
  it.each([
    [10_000n, 6, '0.01'],
    [1_000_000n, 6, '1'],
    [1_500_000n, 6, '1.5'],
    [0n, 6, '0'],
    [1n, 18, '0.000000000000000001'],
    [100n, 0, '100'],
  ])('writes %s at %i decimals as %s', (amount, decimals, text) => {
    expect(formatAmount(amount, decimals)).toBe(text)
  })

  it('writes a price that is read back as the same amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), fc.nat({ max: 18 }), (amount, decimals) => {
        expect(toBaseUnits(parsePrice(formatAmount(amount, decimals)), decimals)).toBe(amount)
      }),
    )
  })
})
