import { decodePaymentRequiredHeader, encodePaymentRequiredHeader } from '@x402/core/http'
import fc from 'fast-check'
import { PaymentRequest } from 'mppx'
import { describe, expect, it } from 'vitest'
import {
  decodeBase64,
  decodeBase64Text,
  decodeBase64url,
  decodeBase64urlText,
  encodeBase64,
  encodeBase64url,
} from '../../src/lib/base64.ts'
import { fromUtf8, utf8 } from '../../src/lib/bytes.ts'

const bytes = fc.uint8Array({ maxLength: 200 })
/** Text that is nearly base64, which is where a lenient decoder gives way. */
const nearlyBase64 = fc.string({ unit: fc.constantFrom(...'ABZaz09+/-_= \n'), maxLength: 12 })

describe('standard base64 (RFC 4648 section 4)', () => {
  it('encodes and decodes the examples of section 10', () => {
    const examples = { '': '', f: 'Zg==', fo: 'Zm8=', foo: 'Zm9v', foob: 'Zm9vYg==', fooba: 'Zm9vYmE=' }
    for (const [text, encoded] of Object.entries(examples)) {
      expect(encodeBase64(utf8(text))).toBe(encoded)
      expect(decodeBase64(encoded)).toEqual(utf8(text))
    }
  })

  it('encodes as Buffer does and decodes what it encoded', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const text = encodeBase64(value)
        expect(text).toBe(Buffer.from(value).toString('base64'))
        expect(decodeBase64(text)).toEqual(value)
      }),
    )
  })

  it.each(['Zg', 'Zg=', 'Zg===', 'Zm8', 'Z', '=', '====', 'Zm9v====', 'Zg==Zg=='])(
    'refuses the wrong padding of %j',
    (text) => expect(decodeBase64(text)).toBeNull(),
  )

  it.each(['Zm9-', 'Zm9_', 'Zm 9', ' Zm9v', 'Zm9v\n', 'Zm9\u0000', 'Zmé=', 'ＺＭ９ｖ'])(
    'refuses the foreign character of %j',
    (text) => expect(decodeBase64(text)).toBeNull(),
  )

  it.each(['Zh==', 'Zm9=', 'Zv=='])('refuses the stray bits of %j', (text) => {
    expect(decodeBase64(text)).toBeNull()
  })
})

it('encodes a text as its UTF-8', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
      expect(encodeBase64(text)).toBe(Buffer.from(text).toString('base64'))
      expect(encodeBase64url(text)).toBe(Buffer.from(text).toString('base64url'))
    }),
  )
})

describe('base64url without padding (RFC 4648 section 5)', () => {
  it('encodes as Buffer does and decodes what it encoded', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const text = encodeBase64url(value)
        expect(text).toBe(Buffer.from(value).toString('base64url'))
        expect(decodeBase64url(text)).toEqual(value)
      }),
    )
  })

  it.each(['Zg==', 'Zm8=', 'Z', 'Zm9vZ', 'Zm9+', 'Zm9/', 'Zm 9', 'Zm9v\n', 'Zh', 'Zm9'])(
    'refuses %j',
    (text) => {
      expect(decodeBase64url(text)).toBeNull()
    },
  )
})

describe('both', () => {
  it('let no two texts stand for the same bytes', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyBase64, fc.string({ unit: 'binary' })), (text) => {
        const standard = decodeBase64(text)
        if (standard !== null) expect(encodeBase64(standard)).toBe(text)
        const urlSafe = decodeBase64url(text)
        if (urlSafe !== null) expect(encodeBase64url(urlSafe)).toBe(text)
      }),
      { numRuns: 2000 },
    )
  })

  it('decode the text that the bytes are, and no other', () => {
    const data = fc.oneof(bytes, fc.string({ unit: 'binary' }).map(utf8), fc.string().map(utf8))
    fc.assert(
      fc.property(data, (value) => {
        expect(decodeBase64Text(encodeBase64(value))).toBe(fromUtf8(value))
        expect(decodeBase64urlText(encodeBase64url(value))).toBe(fromUtf8(value))
      }),
    )
  })

  it('refuse as text what they refuse as bytes', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyBase64, fc.string({ unit: 'binary' })), (text) => {
        const standard = decodeBase64(text)
        const urlSafe = decodeBase64url(text)
        expect(decodeBase64Text(text)).toBe(standard && fromUtf8(standard))
        expect(decodeBase64urlText(text)).toBe(urlSafe && fromUtf8(urlSafe))
      }),
    )
  })

  it('take texts of any length without overflowing a stack', () => {
    const long = 'A'.repeat(8 << 20)
    for (const decode of [decodeBase64, decodeBase64url]) {
      expect(decode(long)).toHaveLength(6 << 20)
      expect(decode(`${long}!!!!`)).toBeNull()
    }
    expect(encodeBase64(new Uint8Array(6 << 20))).toBe(long)
  })
})

describe('the peers', () => {
  const text = fc.string({ unit: 'grapheme' })

  it('@x402/core reads what we write, and we what it writes', () => {
    fc.assert(
      fc.property(text, (description) => {
        const required = {
          x402Version: 2,
          resource: { url: 'https://example.com/', description, mimeType: 'text/plain' },
          accepts: [],
        }
        const written = encodeBase64(utf8(JSON.stringify(required)))
        expect(written).toBe(encodePaymentRequiredHeader(required))
        expect(decodePaymentRequiredHeader(written)).toEqual(required)
      }),
    )
  })

  it('mppx reads what we write, and we what it writes', () => {
    fc.assert(
      fc.property(text, (description) => {
        const written = encodeBase64url(utf8(JSON.stringify({ description })))
        expect(written).toBe(PaymentRequest.serialize({ description }))
        expect(PaymentRequest.deserialize(written)).toEqual({ description })
        expect(fromUtf8(decodeBase64url(written) ?? new Uint8Array())).toBe(JSON.stringify({ description }))
      }),
    )
  })
})
