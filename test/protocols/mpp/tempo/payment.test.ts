import { Receipt } from 'mppx'
import { encodeFunctionData } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { Abis, Account, P256 } from 'viem/tempo'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Settlement } from '../../../../src/payments/settlement.ts'
import { CofferError } from '../../../../src/problems/error.ts'
import { mpp } from '../../../../src/protocols/mpp/index.ts'
import { tempo } from '../../../../src/protocols/mpp/tempo.ts'
import type { Protocol } from '../../../../src/protocols/protocol.ts'
import { startTempoChain, type TempoChain } from '../../../chains/tempo.ts'
import { accepted, createCharge, createEnvironment, recordOf, settledRecordOf } from '../fixtures.ts'
import {
  at,
  challengeOf,
  memoOf,
  newAddress,
  payloadOf,
  payWithMppx,
  present,
  send,
  signTransaction,
  transfer,
  verify,
} from './payer.ts'

const CENT = 10_000n

let chain: TempoChain
let protocol: Protocol
let payer: ReturnType<typeof privateKeyToAccount>

beforeAll(async () => {
  chain = await startTempoChain()
  protocol = mpp({ methods: [tempo({ rpc: chain.url, chainId: 42431 })] })(createEnvironment())
  payer = privateKeyToAccount(at(chain, 0))
})
afterAll(() => chain?.stop())

/** A charge of one cent whose seller has nothing yet. */
function ask(overrides: Parameters<typeof createCharge>[0] = {}) {
  const seller = newAddress()
  const charge = createCharge({ recipient: () => seller, ...overrides })
  return { seller, charge, challenge: challengeOf(protocol, charge) }
}

describe('a transaction for us to send', () => {
  test('moves the price, once, however often it is settled', async () => {
    const { seller, charge, challenge } = ask()
    const field = await payWithMppx(chain, payer, challenge, 'pull')
    const verified = accepted(await verify(protocol, field, charge))
    expect(verified).toMatchObject({
      method: 'tempo',
      network: 'eip155:42431',
      amount: CENT,
      payer: payer.address.toLowerCase(),
      recipient: seller,
      asset: { symbol: 'pathUSD' },
    })
    expect(await chain.balanceOf(seller)).toBe(0n)

    const settlement = await verified.settle()
    expect(settlement).toMatchObject({ outcome: 'settled', block: expect.stringMatching(/^\d+$/) })
    expect(verified.proofs).toEqual([
      `mpp:challenge:${challenge.id}`,
      `mpp:eip155:42431:tx:${hashOf(settlement)}`,
    ])
    expect(await verified.settle()).toEqual(settlement)
    expect(accepted(await verify(protocol, field, charge)).proofs).toEqual(verified.proofs)
    expect(await chain.balanceOf(seller)).toBe(CENT)

    const [[, value] = ['', '']] = protocol.receipt(settledRecordOf(verified, settlement, Date.now()), 200)
    expect(Receipt.deserialize(value)).toMatchObject({ method: 'tempo', reference: hashOf(settlement) })
  })

  test('is settled later from what was kept, as JSON, of it', async () => {
    const { seller, charge, challenge } = ask()
    const verified = accepted(await verify(protocol, await payWithMppx(chain, payer, challenge), charge))
    const payment = recordOf(verified, Date.now())
    expect(JSON.stringify(payment)).not.toContain(JSON.stringify(verified.deferred?.['raw']))
    const deferred = JSON.parse(JSON.stringify(verified.deferred))
    expect(await protocol.settleDeferred(payment, deferred)).toMatchObject({ outcome: 'settled' })
    expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'settled' })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test.each(['P256', 'WebAuthn'])('may be signed with a %s key', async (kind) => {
    const key = P256.randomPrivateKey()
    const passkey = { rpId: 'localhost', origin: 'http://localhost' }
    const account = kind === 'P256' ? Account.fromP256(key) : Account.fromHeadlessWebAuthn(key, passkey)
    await chain.fund(account.address, 10_000_000n)
    const { seller, charge, challenge } = ask()
    const verified = accepted(await verify(protocol, await payWithMppx(chain, account, challenge), charge))
    expect(verified).toMatchObject({ payer: account.address.toLowerCase(), deferred: null })
    expect(await verified.settle()).toMatchObject({ outcome: 'settled' })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test('may do more than pay, all or nothing, and need not expire', async () => {
    const { seller, charge, challenge } = ask()
    const other = newAddress()
    const calls = [
      transfer(chain.alphaUsd.address, other, 5n, `0x${'0'.repeat(64)}`),
      transfer(chain.pathUsd.address, seller, CENT, await memoOf(chain, challenge)),
    ]
    const signature = await signTransaction(payer, {
      calls,
      validBefore: undefined,
      nonceKey: 77n,
      gas: 3_000_000n,
    })
    const field = present(challenge, { type: 'transaction', signature })
    expect(await accepted(await verify(protocol, field, charge)).settle()).toMatchObject({
      outcome: 'settled',
    })
    expect(await chain.balanceOf(seller)).toBe(CENT)
    expect(await chain.balanceOf(other, chain.alphaUsd)).toBe(5n)
  })

  test('fails, and says so, when the payer has too little', async () => {
    const account = privateKeyToAccount(generatePrivateKey())
    await chain.fund(account.address, CENT + 100_000n)
    const { seller, charge, challenge } = ask({ cost: '1.00' })
    const calls = [transfer(chain.pathUsd.address, seller, 1_000_000n, await memoOf(chain, challenge))]
    const field = present(challenge, {
      type: 'transaction',
      signature: await signTransaction(account, { calls }),
    })
    const verified = accepted(await verify(protocol, field, charge))
    expect(await verified.settle()).toMatchObject({ outcome: 'failed', cause: 'transaction-reverted' })
    expect(await protocol.reconcile(recordOf(verified, Date.now()))).toMatchObject({ outcome: 'failed' })
    expect(await chain.balanceOf(seller)).toBe(0n)
  })

  test('is refused before it is sent when the chain would refuse it', async () => {
    const { charge, challenge, seller } = ask()
    const stranger = privateKeyToAccount(generatePrivateKey())
    const calls = [transfer(chain.pathUsd.address, seller, CENT, await memoOf(chain, challenge))]
    const field = present(challenge, {
      type: 'transaction',
      signature: await signTransaction(stranger, { calls }),
    })
    expect(await verify(protocol, field, charge)).toMatchObject({ reason: 'verification-failed' })
  })

  test('is not good for a second challenge, though the node repeats its old success', async () => {
    const first = ask()
    const field = await payWithMppx(chain, payer, first.challenge)
    await accepted(await verify(protocol, field, first.charge)).settle()
    const { signature } = payloadOf(field)
    await expect(send(chain, signature)).resolves.toBeTypeOf('string')
    const challenge = challengeOf(protocol, first.charge)
    const again = present(challenge, { type: 'transaction', signature })
    expect(await verify(protocol, again, first.charge)).toMatchObject({
      reason: 'verification-failed',
      detail: 'No transfer has a memo that binds it to this challenge.',
    })
    expect(await chain.balanceOf(first.seller)).toBe(CENT)
  })
})

describe('a transaction is refused', () => {
  const pathUsd = '0x20c0000000000000000000000000000000000000'
  const alphaUsd = '0x20c0000000000000000000000000000000000001'
  const seconds = (ahead: number): number => Math.floor(Date.now() / 1000) + ahead
  type Asked = ReturnType<typeof ask> & { readonly memo: `0x${string}` }

  test.each<[string, (asked: Asked) => Promise<`0x${string}`> | `0x${string}`, string]>([
    [
      'of another token',
      ({ seller, memo }) => one(transfer(alphaUsd, seller, CENT, memo)),
      'verification-failed',
    ],
    [
      'to somebody else',
      ({ memo }) => one(transfer(pathUsd, newAddress(), CENT, memo)),
      'verification-failed',
    ],
    [
      'of less',
      ({ seller, memo }) => one(transfer(pathUsd, seller, CENT - 1n, memo)),
      'insufficient-payment',
    ],
    ['of more', ({ seller, memo }) => one(transfer(pathUsd, seller, CENT + 1n, memo)), 'verification-failed'],
    [
      'with another memo',
      ({ seller, memo }) => one(transfer(pathUsd, seller, CENT, `${memo.slice(0, -2)}00` as `0x${string}`)),
      'verification-failed',
    ],
    [
      'with a memo of another realm',
      ({ seller, memo }) =>
        one(transfer(pathUsd, seller, CENT, memo.replace(/^(0x.{10}).{2}/, '$1ff') as `0x${string}`)),
      'verification-failed',
    ],
    [
      'without a memo',
      ({ seller }) => {
        const data = encodeFunctionData({ abi: Abis.tip20, functionName: 'transfer', args: [seller, CENT] })
        return one({ to: pathUsd, data })
      },
      'verification-failed',
    ],
    [
      'with data cut off',
      ({ memo, seller }) =>
        one({ to: pathUsd, data: transfer(pathUsd, seller, CENT, memo).data.slice(0, -2) as `0x${string}` }),
      'verification-failed',
    ],
    [
      'of another chain',
      ({ seller, memo }) =>
        signTransaction(payer, { calls: [transfer(pathUsd, seller, CENT, memo)], chainId: 4217 }),
      'verification-failed',
    ],
    [
      'that has expired',
      ({ seller, memo }) =>
        signTransaction(payer, { calls: [transfer(pathUsd, seller, CENT, memo)], validBefore: seconds(-1) }),
      'verification-failed',
    ],
    [
      'that is not valid yet',
      ({ seller, memo }) =>
        signTransaction(payer, {
          calls: [transfer(pathUsd, seller, CENT, memo)],
          validAfter: seconds(60),
          validBefore: seconds(90),
        }),
      'verification-failed',
    ],
    [
      'of type 2',
      ({ seller, memo }) =>
        payer.signTransaction({
          type: 'eip1559',
          chainId: 42431,
          nonce: 0,
          gas: 100_000n,
          maxFeePerGas: 1n,
          maxPriorityFeePerGas: 1n,
          ...transfer(pathUsd, seller, CENT, memo),
        }),
      'verification-failed',
    ],
    ['that is no transaction', () => '0x76c0', 'malformed-credential'],
    ['that is nothing', () => '0x', 'malformed-credential'],
  ])('%s', async (_, sign, reason) => {
    const asked = ask()
    const signature = await sign({ ...asked, memo: await memoOf(chain, asked.challenge) })
    const field = present(asked.challenge, { type: 'transaction', signature })
    expect(await verify(protocol, field, asked.charge)).toMatchObject({ reason })
    expect(await chain.balanceOf(asked.seller)).toBe(0n)
  })

  test('that waits for a sponsor', async () => {
    const { charge, challenge } = ask()
    const request = challenge.request as { methodDetails: object }
    const sponsored = {
      ...challenge,
      request: { ...request, methodDetails: { ...request.methodDetails, feePayer: true } },
    }
    const { signature } = payloadOf(await payWithMppx(chain, payer, sponsored as typeof challenge))
    expect(signature.slice(0, 4)).toBe('0x78')
    const field = present(challenge, { type: 'transaction', signature })
    expect(await verify(protocol, field, charge)).toMatchObject({
      reason: 'verification-failed',
      got: 'type 0x78',
    })
  })

  const one = (call: { to: `0x${string}`; data: `0x${string}` }): Promise<`0x${string}`> =>
    signTransaction(payer, { calls: [call] })
})

describe('a transaction that the payer has sent', () => {
  test('is believed by its logs, and settled by nothing more', async () => {
    const { seller, charge, challenge } = ask()
    const field = await payWithMppx(chain, payer, challenge, 'push')
    expect(await chain.balanceOf(seller)).toBe(CENT)
    const { hash } = payloadOf(field)
    const upper = present(challenge, { type: 'hash', hash: `0x${hash.slice(2).toUpperCase()}` })
    for (const presented of [field, upper]) {
      const verified = accepted(await verify(protocol, presented, charge))
      expect(verified.proofs).toEqual([`mpp:challenge:${challenge.id}`, `mpp:eip155:42431:tx:${hash}`])
      expect(verified).toMatchObject({ payer: payer.address.toLowerCase(), amount: CENT, deferred: null })
      expect(await verified.settle()).toMatchObject({ outcome: 'settled', transaction: hash })
      expect(await protocol.reconcile(recordOf(verified, Date.now()))).toMatchObject({ outcome: 'settled' })
    }
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test('is the same proof as the transaction itself', async () => {
    const { charge, challenge } = ask()
    const field = await payWithMppx(chain, payer, challenge, 'pull')
    const verified = accepted(await verify(protocol, field, charge))
    const hash = hashOf(await verified.settle())
    const presented = accepted(await verify(protocol, present(challenge, { type: 'hash', hash }), charge))
    expect(presented.proofs).toEqual(verified.proofs)
  })

  test('is refused when it was sent for another challenge', async () => {
    const theirs = ask()
    const { hash } = payloadOf(await payWithMppx(chain, payer, theirs.challenge, 'push'))
    const challenge = challengeOf(protocol, theirs.charge)
    expect(await verify(protocol, present(challenge, { type: 'hash', hash }), theirs.charge)).toMatchObject({
      reason: 'verification-failed',
    })
  })

  test.each<
    [
      string,
      (asked: ReturnType<typeof ask>, memo: `0x${string}`) => { to: `0x${string}`; data: `0x${string}` },
      string,
    ]
  >([
    [
      'of another token',
      ({ seller }, memo) => transfer(chain.alphaUsd.address, seller, CENT, memo),
      'verification-failed',
    ],
    [
      'to somebody else',
      (_, memo) => transfer(chain.pathUsd.address, newAddress(), CENT, memo),
      'verification-failed',
    ],
    [
      'of less',
      ({ seller }, memo) => transfer(chain.pathUsd.address, seller, CENT - 1n, memo),
      'insufficient-payment',
    ],
    [
      'that reverts',
      ({ seller }, memo) => transfer(chain.pathUsd.address, seller, 2n ** 120n, memo),
      'verification-failed',
    ],
  ])('is refused when it is one %s', async (_, make, reason) => {
    const asked = ask()
    const call = make(asked, await memoOf(chain, asked.challenge))
    const hash = await send(chain, await signTransaction(payer, { calls: [call] }))
    expect(
      await verify(protocol, present(asked.challenge, { type: 'hash', hash }), asked.charge),
    ).toMatchObject({ reason })
  })

  test.each<[string, () => string]>([
    ['another account', () => `did:pkh:eip155:42431:${newAddress()}`],
    ['another chain', () => `did:pkh:eip155:4217:${payer.address}`],
    ['nobody', () => 'did:key:z6Mk'],
  ])('is refused when its source names %s', async (_, source) => {
    const { charge, challenge } = ask()
    const { hash } = payloadOf(await payWithMppx(chain, payer, challenge, 'push'))
    expect(
      await verify(protocol, present(challenge, { type: 'hash', hash }, source()), charge),
    ).toMatchObject({
      reason: 'verification-failed',
    })
  })

  test('is refused when the chain does not know it', async () => {
    const { charge, challenge } = ask()
    const field = present(challenge, { type: 'hash', hash: `0x${'ab'.repeat(32)}` })
    expect(await verify(protocol, field, charge)).toMatchObject({ reason: 'verification-failed' })
  })
})

describe('a zero price', () => {
  test('is paid by a signature, for which nothing is sent', async () => {
    const { seller, charge, challenge } = ask({ cost: '0.00' })
    const field = await payWithMppx(chain, payer, challenge)
    const before = await chain.balanceOf(payer.address.toLowerCase() as `0x${string}`)
    const verified = accepted(await verify(protocol, field, charge))
    expect(verified).toMatchObject({
      payer: payer.address.toLowerCase(),
      amount: 0n,
      recipient: seller,
      deferred: null,
    })
    expect(verified.proofs).toEqual([`mpp:challenge:${challenge.id}`])
    const settlement = await verified.settle()
    expect(settlement).toEqual({ outcome: 'settled', transaction: null, block: null })
    const payment = settledRecordOf(verified, settlement, Date.now())
    expect(await protocol.reconcile(payment)).toEqual(settlement)
    expect(await chain.balanceOf(payer.address.toLowerCase() as `0x${string}`)).toBe(before)
    const [[, value] = ['', '']] = protocol.receipt(payment, 200)
    expect(Receipt.deserialize(value)).toMatchObject({ reference: challenge.id })
  })

  test.each(['P256', 'WebAuthn'])('is paid with a %s key', async (kind) => {
    const key = P256.randomPrivateKey()
    const passkey = { rpId: 'localhost', origin: 'http://localhost' }
    const account = kind === 'P256' ? Account.fromP256(key) : Account.fromHeadlessWebAuthn(key, passkey)
    const { charge, challenge } = ask({ cost: '0' })
    const field = await payWithMppx(chain, account, challenge)
    expect(accepted(await verify(protocol, field, charge)).payer).toBe(account.address.toLowerCase())
    const { signature } = payloadOf(field)
    const claimed = present(challenge, { type: 'proof', signature }, `did:pkh:eip155:42431:${newAddress()}`)
    expect(await verify(protocol, claimed, charge)).toMatchObject({ reason: 'verification-failed' })
  })

  test('is not paid by a signature for another challenge, account, or of no sense', async () => {
    const { charge, challenge } = ask({ cost: '0' })
    const source = `did:pkh:eip155:42431:${payer.address}`
    const { signature } = payloadOf(await payWithMppx(chain, payer, challengeOf(protocol, charge)))
    for (const field of [
      present(challenge, { type: 'proof', signature }, source),
      present(challenge, { type: 'proof', signature: `0x${'11'.repeat(65)}` }, source),
      present(challenge, { type: 'proof', signature: '0x02' }, source),
      present(challenge, { type: 'proof', signature: `0x${'64926492'.repeat(40)}` }, source),
      present(challenge, { type: 'proof', signature }),
      present(challenge, { type: 'proof', signature }, `did:pkh:eip155:1:${payer.address}`),
    ]) {
      expect(await verify(protocol, field, charge)).toMatchObject({ reason: 'verification-failed' })
    }
  })

  test('is not paid by a transaction, nor a price by a proof', async () => {
    const paid = ask()
    const free = ask({ cost: '0' })
    const { signature } = payloadOf(await payWithMppx(chain, payer, paid.challenge))
    expect(
      await verify(protocol, present(free.challenge, { type: 'transaction', signature }), free.charge),
    ).toMatchObject({
      reason: 'verification-failed',
      expected: 'proof',
    })
    expect(
      await verify(protocol, present(paid.challenge, { type: 'proof', signature }), paid.charge),
    ).toMatchObject({
      reason: 'verification-failed',
      got: 'proof',
    })
  })
})

test('options are checked', () => {
  const rpc = 'http://127.0.0.1:1'
  const wrong = [
    { rpc: 'ftp://x' },
    { rpc, chainId: 0 },
    { rpc, currency: { address: '0x12', decimals: 6, symbol: 'X' } },
    { rpc, currency: { address: newAddress(), decimals: 1.5, symbol: 'X' } },
    { rpc, feePayer: true },
  ]
  for (const options of wrong) expect(() => tempo(options as never)).toThrow(CofferError)
  expect(() => tempo({ rpc }).checkPrice(createCharge({ cost: '0.0000001' }).price)).toThrow(CofferError)
  expect(tempo({ rpc }).request(createCharge())).toMatchObject({
    amount: '10000',
    currency: '0x20c000000000000000000000b9537d11c60e8b50',
    methodDetails: { chainId: 4217 },
  })
})

function hashOf(settlement: Settlement): string | null {
  return 'transaction' in settlement ? settlement.transaction : null
}
