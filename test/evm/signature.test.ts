import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { parseSignature, recoverAddress, serializeCompactSignature, signatureToCompactSignature } from 'viem'
import { privateKeyToAddress, sign } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENGINES, fastestRecovery, openRecovery, type Recovery } from '../../src/evm/recovery.ts'
import { createRpc, type Rpc } from '../../src/evm/rpc.ts'
import { recoverSigner, verifySigner } from '../../src/evm/signature.ts'
import { fromHex, type Hex, toHex } from '../../src/lib/hex.ts'
import type { Address } from '../../src/payments/address.ts'
import { devKeys } from '../chains/anvil.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { type FaultyRpc, startFaultyRpc } from '../chains/faulty-rpc.ts'
import { at } from './signing.ts'

const ORDER = secp256k1.Point.CURVE().n
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const keys = fc
  .bigInt({ min: 1n, max: ORDER - 1n })
  .map((key): Hex => `0x${key.toString(16).padStart(64, '0')}`)
const pad = (value: bigint): string => value.toString(16).padStart(64, '0')

/** Every engine: all of them run here, so that none goes unproven. */
const recoveries = ENGINES.map((engine): Recovery => {
  const recovery = openRecovery(engine)
  if (recovery === null) throw new Error(`there is no ${engine} recovery on this machine`)
  return recovery
})

test('the fastest engine that there is recovers', () => {
  expect(fastestRecovery().engine).toBe('native')
})

describe.each(recoveries)('recovery by $engine', (recovery) => {
  const signerOf = (digest: Uint8Array, signature: Hex) => recoverSigner(digest, signature, recovery)

  test('finds the signer that viem finds', async () => {
    await fc.assert(
      fc.asyncProperty(bytes32, keys, async (digest, privateKey) => {
        const signature = await sign({ hash: toHex(digest), privateKey, to: 'hex' })
        expect(signerOf(digest, signature)).toBe(privateKeyToAddress(privateKey).toLowerCase())
      }),
      { numRuns: 50 },
    )
  })

  test('never differs from viem where the token takes the form', async () => {
    const scalar = fc.bigInt({ min: 1n, max: ORDER / 2n })
    await fc.assert(
      fc.asyncProperty(bytes32, scalar, scalar, fc.constantFrom(27, 28), async (digest, r, s, v) => {
        const signature: Hex = `0x${pad(r)}${pad(s)}${v.toString(16)}`
        const expected = await recoverAddress({ hash: toHex(digest), signature }).catch(() => null)
        expect(signerOf(digest, signature)).toBe(expected?.toLowerCase() ?? null)
      }),
      { numRuns: 50 },
    )
  })

  test('takes no random bytes for a signature of random length, and never throws', () => {
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 130 }), (digest, bytes) => {
        const signer = signerOf(digest, toHex(bytes))
        if (bytes.length !== 65 || (bytes[64] !== 27 && bytes[64] !== 28)) expect(signer).toBeNull()
      }),
    )
  })

  test('finds no key where it would be the point at infinity: s R = e G', () => {
    const digest = new Uint8Array(32).fill(3)
    const { Fn, BASE } = secp256k1.Point
    const { x: r, y } = BASE.multiply(12345n).toAffine()
    const s = Fn.div(Fn.create(BigInt(toHex(digest))), 12345n)
    // The same point, written as (-s)(-R), where s is in the upper half.
    const isHigh = s > ORDER / 2n
    const v = (y % 2n === 1n) === isHigh ? '1b' : '1c'
    expect(signerOf(digest, `0x${pad(r)}${pad(isHigh ? Fn.neg(s) : s)}${v}`)).toBeNull()
  })

  test.each<[string, bigint]>([
    ['zero', 0n],
    ['the order', ORDER],
    ['one more than the order', ORDER + 1n],
    ['all ones', 2n ** 256n - 1n],
  ])('agrees with viem about a digest of %s', async (_, number) => {
    const digest = fromHex(`0x${pad(number)}`)
    const signature = await sign({
      hash: toHex(new Uint8Array(32).fill(7)),
      privateKey: devKeys[0],
      to: 'hex',
    })
    const expected = await recoverAddress({ hash: toHex(digest), signature })
    expect(signerOf(digest, signature)).toBe(expected.toLowerCase())
  })

  describe('refuses what the token refuses', async () => {
    const digest = new Uint8Array(32).fill(7)
    const privateKey = devKeys[0]
    const good = await sign({ hash: toHex(digest), privateKey, to: 'hex' })
    const { r, s, yParity } = parseSignature(good)
    const highS: Hex = `${r}${pad(ORDER - BigInt(s))}${yParity === 0 ? '1c' : '1b'}`
    const withV = (v: string): Hex => `${good.slice(0, -2)}${v}` as Hex

    test('which recovery itself would not mind: the other half of s', async () => {
      expect(await recoverAddress({ hash: toHex(digest), signature: highS })).toBe(
        privateKeyToAddress(privateKey),
      )
      expect(signerOf(digest, highS)).toBeNull()
    })

    test.each<[string, Hex]>([
      ['v 0', withV('00')],
      ['v 1', withV('01')],
      ['v 29', withV('1d')],
      ['v of EIP-155', withV('25')],
      ['r zero', `0x${pad(0n)}${s.slice(2)}1b`],
      ['s zero', `${r}${pad(0n)}1b`],
      ['r of the order', `0x${pad(ORDER)}${s.slice(2)}1b`],
      ['s of the order', `${r}${pad(ORDER)}1b`],
      ['r past the order', `0x${'f'.repeat(64)}${s.slice(2)}1b`],
      [
        'the compact form of EIP-2098',
        serializeCompactSignature(signatureToCompactSignature(parseSignature(good))),
      ],
      ['64 bytes', good.slice(0, -2) as Hex],
      ['66 bytes', `${good}00`],
      ['nothing', '0x'],
    ])('%s', (_, signature) => {
      expect(signerOf(digest, signature)).toBeNull()
    })
  })
})

describe('on a chain', () => {
  let chain: EvmChain
  let proxy: FaultyRpc
  let rpc: Rpc
  const digest = new Uint8Array(32).fill(9)
  const owner = privateKeyToAddress(devKeys[1]).toLowerCase() as Address
  let ecdsa: Hex

  beforeAll(async () => {
    chain = await startEvmChain()
    proxy = await startFaultyRpc(chain.url)
    rpc = createRpc({ url: proxy.url, timeoutMs: 1000 }, chain.chainId)
    ecdsa = await sign({ hash: toHex(digest), privateKey: devKeys[1], to: 'hex' })
  })
  afterAll(async () => {
    await proxy.stop()
    await chain.stop()
  })

  const plant = async (artifact: string): Promise<Address> => {
    const payer = toHex(crypto.getRandomValues(new Uint8Array(20)))
    await chain.plant(artifact, payer)
    if (artifact === 'OwnedPayer') {
      const data = `0x19ab453c${owner.slice(2).padStart(64, '0')}`
      await chain.request('eth_sendTransaction', [{ from: owner, to: payer, data }])
    }
    return payer
  }

  test('an ordinary account costs no call', async () => {
    const before = proxy.calls.length
    expect(await verifySigner(rpc, { payer: owner, digest, signature: ecdsa })).toBeNull()
    expect(await verifySigner(null, { payer: owner, digest, signature: ecdsa })).toBeNull()
    expect(proxy.calls.length).toBe(before)
  })

  test("somebody else's signature is refused", async () => {
    const payer = at(chain.accounts, 0).address
    const refusal = await verifySigner(rpc, { payer, digest, signature: ecdsa })
    expect(refusal).toMatchObject({ reason: 'verification-failed', cause: 'invalid_exact_evm_signature' })
  })

  test('a contract wallet that accepts the signature is believed, whatever the length (EIP-1271)', async () => {
    const payer = await plant('OwnedPayer')
    expect(await verifySigner(rpc, { payer, digest, signature: ecdsa })).toBeNull()
    const long: Hex = `0x${'5a'.repeat(999)}${ecdsa.slice(2)}`
    expect(await verifySigner(rpc, { payer, digest, signature: long })).toBeNull()
    const other = new Uint8Array(32).fill(10)
    expect(await verifySigner(rpc, { payer, digest: other, signature: ecdsa })).toMatchObject({
      reason: 'verification-failed',
    })
  })

  test.each(['BurningPayer', 'GarbagePayer', 'DirtyPayer', 'ShortPayer', 'RevertingPayer', 'TestUSDC'])(
    'a %s is refused within bounds (case 17)',
    async (artifact) => {
      const payer = await plant(artifact)
      const refusal = await verifySigner(rpc, { payer, digest, signature: ecdsa })
      expect(refusal).toMatchObject({ reason: 'verification-failed', cause: 'invalid_exact_evm_signature' })
    },
  )

  test('without RPC a contract wallet cannot pay, and is told why', async () => {
    const payer = await plant('OwnedPayer')
    const refusal = await verifySigner(null, { payer, digest, signature: ecdsa })
    expect(refusal).toMatchObject({
      reason: 'verification-failed',
      detail: expect.stringContaining('no RPC'),
    })
  })

  test('a wallet that is not deployed is refused without a call (EIP-6492)', async () => {
    const before = proxy.calls.length
    const signature: Hex = `0x${'00'.repeat(96)}${'6492'.repeat(16)}`
    const refusal = await verifySigner(rpc, { payer: owner, digest, signature })
    expect(refusal).toMatchObject({
      reason: 'verification-failed',
      cause: 'invalid_exact_evm_payload_undeployed_smart_wallet',
    })
    expect(proxy.calls.length).toBe(before)
  })

  test.each([
    'drop',
    'hang',
    'garbage',
    { status: 500, body: {} },
    { body: { error: { code: -32000 } } },
  ] as const)('a node that fails (%j) leaves the credential good', async (fault) => {
    const payer = await plant('OwnedPayer')
    proxy.fail = (method) => (method === 'eth_call' ? fault : null)
    const refusal = await verifySigner(rpc, { payer, digest, signature: ecdsa })
    proxy.fail = () => null
    expect(refusal).toMatchObject({ reason: 'settlement-unavailable', retryAfter: 5 })
    expect(await verifySigner(rpc, { payer, digest, signature: ecdsa })).toBeNull()
  })
})
