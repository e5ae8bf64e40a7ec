import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMac, portableMac } from '../../src/lib/mac.ts'

const base64url = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url')

describe.each([
  ['of the runtime', createMac],
  ['that runs anywhere', portableMac],
])('the HMAC %s', (_, create) => {
  // RFC 4231, sections 4.2, 4.3 and 4.7.
  it.each([
    [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      Buffer.from('Jefe'),
      'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      Buffer.alloc(131, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ])('knows the published value of a key of $0.length bytes', (key, text, expected) => {
    expect(create(key)(text)).toBe(base64url(expected))
  })
})

it('both say the same of any secret and text', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 300 })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), texts, (secret, text) => {
      expect(createMac(secret)(text)).toBe(portableMac(secret)(text))
    }),
  )
})
