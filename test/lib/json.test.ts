import fc from 'fast-check'
import { PaymentRequest } from 'mppx'
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/lib/base64.ts'
import { utf8 } from '../../src/lib/bytes.ts'
import {
  canonicalJson,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  toJsonObject,
} from '../../src/lib/json.ts'

/** Any object that JSON can carry; `fc.jsonValue` speaks of `unknown`. */
const jsonObject = fc.dictionary(
  fc.string({ unit: 'grapheme' }),
  fc.jsonValue({ maxDepth: 4 }),
) as fc.Arbitrary<JsonObject>

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

describe('parseJsonObject', () => {
  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(jsonObject, (value) => {
        const text = JSON.stringify(value)
        expect(parseJsonObject(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each([
    '',
    ' ',
    'null',
    '1',
    '"a"',
    '[]',
    '{',
    '{"a"}',
    "{'a':1}",
    '{"a":1,}',
    '{}{}',
    '\ufeff{}',
    'undefined',
  ])('refuses %j, which is no object', (text) => expect(parseJsonObject(text)).toBeNull())

  it.each(['{"a":1e999}', '{"a":[-1e999]}', '{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":"\ud800"}'])(
    'refuses %j, which is not I-JSON',
    (text) => expect(parseJsonObject(text)).toBeNull(),
  )

  it('reads 32 levels and refuses 33', () => {
    expect(parseJsonObject(nested(32))).not.toBeNull()
    expect(parseJsonObject(nested(33))).toBeNull()
    expect(parseJsonObject(`{"a":${'['.repeat(32)}${']'.repeat(32)}}`)).toBeNull()
  })

  it('does not count brackets within texts', () => {
    const value = { a: '[{'.repeat(100), b: `\\"${'['.repeat(100)}`, '{{{': '\\' }
    expect(parseJsonObject(JSON.stringify(value))).toEqual(value)
  })

  it('keeps __proto__ a member like any other', () => {
    const value = parseJsonObject('{"__proto__":{"polluted":true}}')
    expect(Object.keys(value ?? {})).toEqual(['__proto__'])
    expect(Object.hasOwn({}, 'polluted')).toBe(false)
  })

  it('never throws, and what it returns can be written', () => {
    const hostile = fc.string({ unit: fc.constantFrom(...'{}[]":,\\u0ad8 1e9-.\n', '\ud800', '"a":') })
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: 'binary' })), (text) => {
        const value = parseJsonObject(`{"a":${text}}`) ?? parseJsonObject(text)
        if (value === null) return
        const written = canonicalJson(value)
        expect(canonicalJson(parseJsonObject(written))).toBe(written)
      }),
      { numRuns: 5000 },
    )
  })

  it.each(['{"a":', '[', '{', '"', '\\', ']', '{"a":"\\'])('takes a megabyte of %j', (unit) => {
    expect(parseJsonObject(unit.repeat((1 << 20) / unit.length))).toBeNull()
  })
})

describe('canonicalJson (RFC 8785)', () => {
  it('sorts members by UTF-16 units, as the example of section 3.2.3 does', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
    expect(Object.values(JSON.parse(canonicalJson([value]))[0])).toEqual([4, 2, 6, 7, 1, 5, 3])
    expect(canonicalJson(value).match(/:(\d)/g)?.join('')).toBe(':2:4:6:7:1:5:3')
  })

  it('writes numbers and texts as the example of section 3.2.2 does', () => {
    const value = {
      // biome-ignore lint/correctness/noPrecisionLoss: the example of the specification
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  it('writes minus zero as zero', () => {
    expect(canonicalJson([-0])).toBe('[0]')
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '\ud800', ['a\udc00'], { '\ud800': 1 }])(
    'throws for %o, which JSON cannot carry',
    (value) => expect(() => canonicalJson(value)).toThrow(TypeError),
  )

  it('is the same for every order of members, and read back unchanged', () => {
    fc.assert(
      fc.property(jsonObject, (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        expect(canonicalJson(reversed)).toBe(canonicalJson(value))
        expect(parseJsonObject(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('is what mppx writes', () => {
    fc.assert(
      fc.property(jsonObject, (value) => {
        expect(encodeBase64url(utf8(canonicalJson(value)))).toBe(PaymentRequest.serialize(value))
      }),
      { numRuns: 500 },
    )
  })
})

describe('isJsonObject', () => {
  it('takes objects only', () => {
    expect(isJsonObject({})).toBe(true)
    for (const value of [null, undefined, [], 'a', 1, true]) expect(isJsonObject(value)).toBe(false)
  })
})

describe('toJsonObject', () => {
  it('holds what others have parsed to the same rules', () => {
    expect(toJsonObject({ a: [1, null, undefined], b: undefined })).toEqual({ a: [1, null, null] })
    let deep: unknown = {}
    for (let level = 0; level < 100_000; level++) deep = { deep }
    const circle: Record<string, unknown> = {}
    circle['circle'] = circle
    for (const value of [undefined, null, 'text', [], 1n, { a: '\ud800' }, { a: 1n }, deep, circle])
      expect(toJsonObject(value)).toBeNull()
  })
})
