import fc from 'fast-check'
import { Challenge, Credential } from 'mppx'
import { describe, expect, it } from 'vitest'
import {
  type AuthItem,
  formatAuthItem,
  isAuthSyntaxError,
  parseAuthItems,
} from '../../src/lib/auth-params.ts'

/** The items of a field that must parse, in a form that is easy to compare. */
function items(field: string) {
  const parsed = parseAuthItems(field)
  if (isAuthSyntaxError(parsed)) throw new Error(`${parsed.message} at ${parsed.at}`)
  return parsed.map(plain)
}

function plain({ scheme, token68, params }: AuthItem) {
  return token68 === null ? { scheme, params: Object.fromEntries(params) } : { scheme, token68 }
}

describe('parseAuthItems reads', () => {
  it('several challenges in one field, with quoted commas and escapes (case 18)', () => {
    expect(items('Bearer realm="a, b", error="x", Payment id="1", realm="say \\"hi\\" \\\\ there"')).toEqual([
      { scheme: 'Bearer', params: { realm: 'a, b', error: 'x' } },
      { scheme: 'Payment', params: { id: '1', realm: 'say "hi" \\ there' } },
    ])
  })

  it('a scheme inside a quoted string as text', () => {
    expect(items('Bearer realm=", Payment id=\\"1\\""')).toEqual([
      { scheme: 'Bearer', params: { realm: ', Payment id="1"' } },
    ])
  })

  it('schemes without parameters, and with a token68', () => {
    expect(items('Negotiate, Bearer abc-._~+/==, Payment ZZ , Basic realm=x')).toEqual([
      { scheme: 'Negotiate', params: {} },
      { scheme: 'Bearer', token68: 'abc-._~+/==' },
      { scheme: 'Payment', token68: 'ZZ' },
      { scheme: 'Basic', params: { realm: 'x' } },
    ])
  })

  it('parameter names without regard to case, tokens and quoted strings, space around the equals sign', () => {
    expect(items('payment ID = "1",ReAlM\t=\tx , empty=""')).toEqual([
      { scheme: 'payment', params: { id: '1', realm: 'x', empty: '' } },
    ])
  })

  it('empty list elements (RFC 9110 section 5.6.1.2)', () => {
    expect(items(' ,, Payment a=1,, ,b=2 , ,Bearer ,')).toEqual([
      { scheme: 'Payment', params: { a: '1', b: '2' } },
      { scheme: 'Bearer', params: {} },
    ])
    expect(items('')).toEqual([])
    expect(items(' , ')).toEqual([])
  })

  it('Latin-1 within quoted strings, and a name that is on the prototype of objects', () => {
    expect(items('Payment realm="é\\é", __proto__="x", constructor="y"')).toEqual([
      {
        scheme: 'Payment',
        params: Object.fromEntries([
          ['realm', 'éé'],
          ['__proto__', 'x'],
          ['constructor', 'y'],
        ]),
      },
    ])
  })
})

describe('parseAuthItems refuses', () => {
  it.each([
    ['an unterminated quoted string (case 18)', 'Payment id="abc', 'expected a value', 15],
    ['a quoted string that ends in a backslash', 'Payment id="abc\\', 'expected a value', 16],
    ['a control character in a quoted string', 'Payment id="a\u0000"', 'expected a value', 13],
    ['an escaped line end', 'Payment id="a\\\n"', 'expected a value', 14],
    ['a character past Latin-1', 'Payment id="a€"', 'expected a value', 13],
    ['a parameter without a value', 'Payment a=1, b=, c=2', 'expected a value', 15],
    ['a parameter that stands twice (case 20)', 'Payment a=1, b=2, A=3', 'duplicate parameter', 18],
    ['parameters without a comma', 'Payment a="1" b="2"', 'expected a comma', 14],
    ['text behind a quoted string', 'Payment a="1"x', 'expected a comma', 13],
    ['a token68 with parameters', 'Payment abc, id="1"', 'expected a space after the scheme', 15],
    ['two token68', 'Payment abc def', 'expected a comma', 8],
    ['a quoted string for a scheme', '"Payment" id="1"', 'expected a scheme', 0],
    ['an equals sign for a name', 'Payment ="1"', 'expected a comma', 8],
  ])('%s, and says where', (_, field, message, at) => {
    expect(parseAuthItems(field)).toEqual({ message, at })
  })
})

describe('formatAuthItem', () => {
  it('quotes every value', () => {
    expect(formatAuthItem('Payment', { id: '1', realm: 'a "b" \\ c' })).toBe(
      'Payment id="1", realm="a \\"b\\" \\\\ c"',
    )
  })

  it.each(['\r\n', '\n', '\0', '\u007f', 'é', '—', '😀'])(
    'throws for %j, which a field cannot carry',
    (value) => {
      expect(() => formatAuthItem('Payment', { description: value })).toThrow(TypeError)
    },
  )
})

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,8}$/)
const quotable = fc.string({ unit: fc.constantFrom(...'ab ,="\\\t~\u00e9\u00ff'), maxLength: 8 })
const names = fc.uniqueArray(token, { maxLength: 4, selector: (name) => name.toLowerCase() })

/** An item and one of the many ways to write it. */
const written = fc
  .record({
    scheme: token,
    body: fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9\-._~+/]{1,8}={0,2}$/).map((token68) => ({ token68 })),
      names.chain((unique) => fc.tuple(...unique.map((name) => fc.tuple(fc.constant(name), quotable)))),
    ),
    space: fc.constantFrom('', ' ', '\t ', '  '),
  })
  .map(({ scheme, body, space }) => {
    if ('token68' in body) return { text: `${scheme} ${space}${body.token68}`, item: { scheme, ...body } }
    const parts = body.map(([name, value]) => {
      const quoted = value.replace(/["\\]/g, '\\$&')
      return `${name}${space}=${space}"${quoted}"${space}`
    })
    const params = Object.fromEntries(body.map(([name, value]) => [name.toLowerCase(), value]))
    return { text: `${scheme} ${parts.join(`,${space}`)}`, item: { scheme, params } }
  })

describe('for any input parseAuthItems', () => {
  it('reads back every way to write a list of items', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 4 }), (list) => {
        expect(items(list.map(({ text }) => text).join(' , '))).toEqual(list.map(({ item }) => item))
      }),
      { numRuns: 1000 },
    )
  })

  it('reads back what formatAuthItem writes', () => {
    const value = fc.string({ unit: fc.constantFrom(...'ab ,="\\\t~') })
    fc.assert(
      fc.property(
        fc.dictionary(
          token.map((name) => name.toLowerCase()),
          value,
          { minKeys: 1 },
        ),
        (params) => {
          expect(items(formatAuthItem('Payment', params))).toEqual([{ scheme: 'Payment', params }])
        },
      ),
    )
  })

  it('never throws, and errors point into the field', () => {
    const piece = fc.constantFrom(
      'Payment',
      'a',
      '="b"',
      '"',
      '\\',
      ',',
      '=',
      ' ',
      '\t',
      '\0',
      'é',
      '€',
      '\ud800',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((pieces) => pieces.join('')),
          fc.string(),
        ),
        (field) => {
          const parsed = parseAuthItems(field)
          if (isAuthSyntaxError(parsed)) expect(parsed.at).toBeLessThanOrEqual(field.length)
        },
      ),
      { numRuns: 5000 },
    )
  })

  // Anything worse than linear would run for hours on these.
  it.each(['"', '\\"', 'a', ' ', ',', '=', 'a=', 'a,', 'a ', 'a=" ', 'a= ', 'a  ,', '\\', 'a="\\', 'a==== '])(
    'takes a megabyte of %j in one pass (cases 18 and 19)',
    (unit) => {
      const text = unit.repeat((1 << 20) / unit.length)
      for (const field of [text, `Payment ${text}`, `Payment a="${text}`, `Payment a=b, ${text}`]) {
        expect(() => parseAuthItems(field)).not.toThrow()
      }
    },
  )
})

describe('mppx', () => {
  const printable = fc.string({ unit: fc.constantFrom(...'aZ09 ,="\\\t/u0041~'), minLength: 1 })
  const challenges = fc
    .record({ id: printable, realm: printable, description: printable, amount: fc.nat() })
    .map(({ id, realm, description, amount }) =>
      Challenge.from({
        id,
        realm,
        description,
        method: 'tempo',
        intent: 'charge',
        request: { amount: String(amount) },
        expires: '2030-01-01T00:00:00Z',
      }),
    )

  it('writes challenges that we read, among those of other schemes', () => {
    fc.assert(
      fc.property(fc.array(challenges, { minLength: 1, maxLength: 3 }), (list) => {
        const field = ['Bearer realm="x"', ...list.map((challenge) => Challenge.serialize(challenge))].join(
          ', ',
        )
        const read = items(field).slice(1)
        expect(read).toHaveLength(list.length)
        for (const [at, { id, realm, description }] of list.entries()) {
          expect(read[at]).toMatchObject({ scheme: 'Payment', params: { id, realm, description } })
        }
      }),
    )
  })

  it('reads the challenges that we write, one and several', () => {
    fc.assert(
      fc.property(fc.array(challenges, { minLength: 1, maxLength: 3 }), (list) => {
        const fields = list.map((challenge) => {
          const [item] = items(Challenge.serialize(challenge))
          return formatAuthItem('Payment', item?.params ?? {})
        })
        expect(Challenge.deserialize(fields[0] ?? '')).toEqual(list[0])
        expect(Challenge.deserializeList(['Bearer realm="Payment "', ...fields].join(', '))).toEqual(list)
      }),
    )
  })

  it('writes credentials that we read as a token68', () => {
    fc.assert(
      fc.property(challenges, (challenge) => {
        const field = Credential.serialize({ challenge, payload: { type: 'hash', hash: '0x' } })
        expect(items(field)).toEqual([{ scheme: 'Payment', token68: field.slice('Payment '.length) }])
      }),
    )
  })
})
