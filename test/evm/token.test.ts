import fc from 'fast-check'
import { encodeEventTopics, encodeFunctionData, parseAbi } from 'viem'
import { describe, expect, test } from 'vitest'
import { decodeWords, encodeBytesCall, selectorOf, word } from '../../src/evm/abi.ts'
import type { Authorization } from '../../src/evm/authorization.ts'
import type { Log } from '../../src/evm/records.ts'
import { showsTransfer, transferCall } from '../../src/evm/token.ts'
import { type Hex, toHex } from '../../src/lib/hex.ts'

const abi = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
  'function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
])

const hex = (length: number): fc.Arbitrary<Hex> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(toHex)
const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
const authorizations = fc.record({
  from: hex(20),
  to: hex(20),
  value: uint256,
  validAfter: uint256,
  validBefore: uint256,
  nonce: hex(32),
})
const signatures = fc
  .uint8Array({ maxLength: 300 })
  .filter((bytes) => bytes.length !== 65)
  .map(toHex)

const fieldsOf = ({ from, to, value, validAfter, validBefore, nonce }: Authorization) =>
  [from, to, value, validAfter, validBefore, nonce] as const

describe('call data is what viem encodes', () => {
  test('for signatures of 65 bytes: v, r, s', () => {
    fc.assert(
      fc.property(
        authorizations,
        hex(32),
        hex(32),
        fc.integer({ min: 0, max: 255 }),
        (authorization, r, s, v) => {
          const signature = `${r}${s.slice(2)}${v.toString(16).padStart(2, '0')}` as Hex
          const args = [...fieldsOf(authorization), v, r, s] as const
          const expected = encodeFunctionData({ abi, functionName: 'transferWithAuthorization', args })
          expect(transferCall(authorization, signature)).toBe(expected)
        },
      ),
    )
  })

  test('for signatures of any other length: bytes', () => {
    fc.assert(
      fc.property(authorizations, signatures, (authorization, signature) => {
        const args = [...fieldsOf(authorization), signature] as const
        const expected = encodeFunctionData({ abi, functionName: 'transferWithAuthorization', args })
        expect(transferCall(authorization, signature)).toBe(expected)
      }),
    )
  })

  test('for isValidSignature', () => {
    fc.assert(
      fc.property(hex(32), signatures, (hash, signature) => {
        const expected = encodeFunctionData({
          abi,
          functionName: 'isValidSignature',
          args: [hash, signature],
        })
        expect(encodeBytesCall(selectorOf('isValidSignature(bytes32,bytes)'), [hash], signature)).toBe(
          expected,
        )
      }),
    )
  })
})

test('words round-trip; what is not whole words is refused', () => {
  fc.assert(
    fc.property(fc.array(uint256), (values) => {
      expect(decodeWords(`0x${values.map(word).join('')}`)).toEqual(values)
    }),
  )
  for (const value of ['0x00', `0x${'0'.repeat(63)}g`, '', null, 7]) expect(decodeWords(value)).toBeNull()
})

describe('a transfer is shown by its own logs only (case 16)', () => {
  const asset = {
    address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
    decimals: 6,
    symbol: 'USDC',
  } as const
  const authorization: Authorization = {
    from: '0x1111111111111111111111111111111111111111',
    to: '0x2222222222222222222222222222222222222222',
    value: 5n,
    validAfter: 0n,
    validBefore: 9n,
    nonce: `0x${'ab'.repeat(32)}`,
  }
  const log = (address: Hex, topics: unknown[], data: Hex): Log => ({
    address,
    topics: topics as Hex[],
    data,
    transaction: `0x${'01'.repeat(32)}`,
    block: 1n,
  })
  const transfer = (token: Hex, from: Hex, to: Hex, value: bigint): Log =>
    log(token, encodeEventTopics({ abi, eventName: 'Transfer', args: { from, to } }), `0x${word(value)}`)
  const use = (token: Hex, authorizer: Hex, nonce: Hex): Log =>
    log(token, encodeEventTopics({ abi, eventName: 'AuthorizationUsed', args: { authorizer, nonce } }), '0x')
  const { from, to, value, nonce } = authorization
  const other = '0x3333333333333333333333333333333333333333'
  const good = [use(asset.address, from, nonce), transfer(asset.address, from, to, value)]

  test('both logs of the token', () => {
    expect(showsTransfer(good, asset, authorization)).toBe(true)
    expect(showsTransfer([transfer(other, from, to, 1n), ...good.toReversed()], asset, authorization)).toBe(
      true,
    )
  })

  test.each([
    ['no logs', []],
    ['another token', [use(other, from, nonce), transfer(other, from, to, value)]],
    ['a use of this token, a transfer of another', [good[0], transfer(other, from, to, value)]],
    ['another recipient', [good[0], transfer(asset.address, from, other, value)]],
    ['another payer', [good[0], transfer(asset.address, other, to, value)]],
    ['less', [good[0], transfer(asset.address, from, to, value - 1n)]],
    ['more', [good[0], transfer(asset.address, from, to, value + 1n)]],
    ['no use', [good[1]]],
    ['a use by somebody else', [use(asset.address, other, nonce), good[1]]],
    ['another nonce', [use(asset.address, from, `0x${'cd'.repeat(32)}`), good[1]]],
  ])('not %s', (_, logs) => {
    expect(showsTransfer(logs as Log[], asset, authorization)).toBe(false)
  })
})
