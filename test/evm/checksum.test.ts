import fc from 'fast-check'
import { getAddress } from 'viem'
import { expect, it } from 'vitest'
import { checksumAddress } from '../../src/evm/checksum.ts'
import { toHex } from '../../src/lib/hex.ts'

it('writes addresses as viem does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
      const address = toHex(bytes)
      expect(checksumAddress(address)).toBe(getAddress(address))
      expect(checksumAddress(getAddress(address))).toBe(getAddress(address))
    }),
  )
})
