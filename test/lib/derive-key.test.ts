import { hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { deriveKey } from '../../src/lib/derive-key.ts'

it('derives what HKDF-SHA256 without a salt does (RFC 5869)', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.string({ unit: 'grapheme' }),
      (secret, purpose) => {
        expect(Buffer.from(deriveKey(secret, purpose))).toEqual(
          Buffer.from(hkdfSync('sha256', secret, '', purpose, 32)),
        )
      },
    ),
  )
})

it('knows the published value of appendix A.3, as far as it goes', () => {
  const key = Buffer.from(deriveKey(new Uint8Array(22).fill(0x0b), '')).toString('hex')
  expect(key).toBe('8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d')
})
