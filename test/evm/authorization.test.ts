import fc from 'fast-check'
import { hashTypedData } from 'viem'
import { expect, test } from 'vitest'
import { authorizationDigest } from '../../src/evm/authorization.ts'
import { type Hex, toHex } from '../../src/lib/hex.ts'
import type { Asset } from '../../src/payments/asset.ts'
import { chainIdOf } from '../../src/payments/chain.ts'

const hex = (length: number): fc.Arbitrary<Hex> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(toHex)
const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
const fields = fc.record({
  from: hex(20),
  to: hex(20),
  value: uint256,
  validAfter: uint256,
  validBefore: uint256,
  nonce: hex(32),
})
const domain = fc.record({
  chainId: fc.integer({ min: 1, max: 2 ** 48 }),
  address: hex(20),
  name: fc.string({ unit: 'grapheme', minLength: 1 }),
  version: fc.string({ minLength: 1 }),
})

const types = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const

test('the digest is the one that viem signs', () => {
  fc.assert(
    fc.property(fields, domain, (message, { chainId, address, name, version }) => {
      const asset: Asset = { address, decimals: 6, symbol: 'TEST', eip712: { name, version } }
      const expected = hashTypedData({
        domain: { name, version, chainId, verifyingContract: address },
        types,
        primaryType: 'TransferWithAuthorization',
        message,
      })
      expect(toHex(authorizationDigest(chainIdOf(chainId), asset, message))).toBe(expected)
    }),
  )
})

test('one asset on two chains has two digests, also when asked again', () => {
  const asset: Asset = {
    address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
    decimals: 6,
    symbol: 'USDC',
    eip712: { name: 'USDC', version: '2' },
  }
  fc.assert(
    fc.property(fields, (message) => {
      const main = toHex(authorizationDigest('eip155:8453', asset, message))
      const test = toHex(authorizationDigest('eip155:84532', asset, message))
      expect(main).not.toBe(test)
      expect(toHex(authorizationDigest('eip155:8453', asset, message))).toBe(main)
    }),
    { numRuns: 20 },
  )
})

test('an asset without an EIP-712 domain is an error that names the option', () => {
  const asset: Asset = { address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e', decimals: 6, symbol: 'OLD' }
  const [message] = fc.sample(fields, 1)
  if (!message) throw new Error('no sample')
  expect(() => authorizationDigest('eip155:1', asset, message)).toThrow(/eip712/)
})
