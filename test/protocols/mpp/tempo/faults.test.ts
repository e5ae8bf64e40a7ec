import fc from 'fast-check'
import type { Challenge } from 'mppx'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Hex } from '../../../../src/lib/hex.ts'
import type { Address } from '../../../../src/payments/address.ts'
import type { Payment } from '../../../../src/payments/payment.ts'
import { mpp } from '../../../../src/protocols/mpp/index.ts'
import { tempo } from '../../../../src/protocols/mpp/tempo.ts'
import type { Charge, Protocol, Verified } from '../../../../src/protocols/protocol.ts'
import { type Fault, type FaultyRpc, startFaultyRpc } from '../../../chains/faulty-rpc.ts'
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
  signTransaction,
  transfer,
  verify,
} from './payer.ts'

const CENT = 10_000n
const SEND = 'eth_sendRawTransactionSync'
const RECEIPT = 'eth_getTransactionReceipt'

let chain: TempoChain
let proxy: FaultyRpc
let protocol: Protocol
let payer: ReturnType<typeof privateKeyToAccount>

beforeAll(async () => {
  chain = await startTempoChain()
  proxy = await startFaultyRpc(chain.url)
  const rpc = { url: proxy.url, timeoutMs: 1000 }
  protocol = mpp({ methods: [tempo({ rpc, chainId: 42431 })] })(createEnvironment())
  payer = privateKeyToAccount(at(chain, 0))
})
afterAll(async () => {
  await proxy?.stop()
  await chain?.stop()
})
afterEach(() => {
  proxy.fail = () => null
})

/** Lets calls fail by their method. */
function failing(faults: Readonly<Record<string, Fault>>): void {
  proxy.fail = (method) => faults[method] ?? null
}

interface Asked {
  readonly seller: Address
  readonly charge: Charge
  readonly challenge: Challenge.Challenge
}

function ask(cost = '0.01'): Asked {
  const seller = newAddress()
  const charge = createCharge({ recipient: () => seller, cost })
  return { seller, charge, challenge: challengeOf(protocol, charge) }
}

/** A payment of one cent that only has to be sent. */
async function pull(): Promise<
  Asked & { readonly verified: Verified; readonly payment: Payment; readonly hash: Hex }
> {
  const asked = ask()
  const verified = accepted(
    await verify(protocol, await payWithMppx(chain, payer, asked.challenge), asked.charge),
  )
  const hash = verified.evidence['hash'] as Hex
  return { ...asked, verified, payment: recordOf(verified, Date.now()), hash }
}

const down: readonly Fault[] = ['drop', 'hang', 'garbage', { status: 502, body: 'Bad gateway' }]

describe('before anything is sent', () => {
  test.each(down)('a node that fails (%j) leaves a transaction to be tried again', async (fault) => {
    const { charge, challenge, seller } = ask()
    const field = await payWithMppx(chain, payer, challenge)
    failing({ eth_call: fault })
    expect(await verify(protocol, field, charge)).toMatchObject({
      reason: 'settlement-unavailable',
      retryAfter: 5,
    })
    failing({})
    expect(await accepted(await verify(protocol, field, charge)).settle()).toMatchObject({
      outcome: 'settled',
    })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test.each(['drop', 'hang'] as Fault[])(
    'a node that fails (%j) leaves a sent transaction to be tried again',
    async (fault) => {
      const { charge, challenge } = ask()
      const field = await payWithMppx(chain, payer, challenge, 'push')
      failing({ [RECEIPT]: fault })
      expect(await verify(protocol, field, charge)).toMatchObject({ reason: 'settlement-unavailable' })
      failing({})
      accepted(await verify(protocol, field, charge))
    },
  )

  test('a node that comes back in time is waited for', async () => {
    const { charge, challenge } = ask()
    const field = await payWithMppx(chain, payer, challenge, 'push')
    let failures = 2
    proxy.fail = (method) => (method === RECEIPT && failures-- > 0 ? 'drop' : null)
    accepted(await verify(protocol, field, charge))
  })

  test('a proof of an ordinary account needs no node', async () => {
    const { charge, challenge } = ask('0')
    const field = await payWithMppx(chain, payer, challenge)
    proxy.fail = () => 'drop'
    accepted(await verify(protocol, field, charge))
    const other = present(
      challenge,
      { type: 'proof', signature: `0x${'11'.repeat(65)}` },
      `did:pkh:eip155:42431:${newAddress()}`,
    )
    expect(await verify(protocol, other, charge)).toMatchObject({ reason: 'settlement-unavailable' })
  })

  test('a node of another chain is found out', async () => {
    const elsewhere = mpp({ methods: [tempo({ rpc: chain.url, chainId: 4217 })] })(createEnvironment())
    const charge = createCharge()
    const challenge = challengeOf(elsewhere, charge)
    const field = present(challenge, { type: 'hash', hash: `0x${'ab'.repeat(32)}` })
    expect(await verify(elsewhere, field, charge)).toMatchObject({ reason: 'settlement-unavailable' })
  })

  test('nobody at the other end: nothing is sent, and it can be tried again', async () => {
    const { seller, verified, payment } = await pull()
    const nobody = mpp({ methods: [tempo({ rpc: 'http://127.0.0.1:1', chainId: 42431 })] })(
      createEnvironment(),
    )
    const deferred = verified.deferred ?? {}
    expect(await nobody.settleDeferred(payment, deferred)).toMatchObject({ outcome: 'unsent' })
    expect(await nobody.reconcile(payment)).toMatchObject({ outcome: 'unknown' })
    expect(await protocol.settleDeferred(payment, deferred)).toMatchObject({ outcome: 'settled' })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })
})

describe('while it is sent', () => {
  test.each(['drop', 'hang', { status: 502, body: 'Bad gateway' }] as Fault[])(
    'what is lost on the way there (%j) is in doubt, then sent again',
    async (fault) => {
      const { verified, payment, seller, hash } = await pull()
      failing({ [SEND]: fault })
      const settlement = await verified.settle()
      expect(settlement).toMatchObject({ outcome: 'unknown', transaction: hash })
      failing({})
      expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'unsent' })
      expect(await chain.balanceOf(seller)).toBe(0n)
      expect(await verified.settle()).toMatchObject({ outcome: 'settled', transaction: hash })
      expect(await chain.balanceOf(seller)).toBe(CENT)
    },
  )

  test('what is lost on the way back is found by its receipt', async () => {
    const { verified, seller, hash } = await pull()
    failing({ [SEND]: 'drop-answer' })
    expect(await verified.settle()).toMatchObject({ outcome: 'settled', transaction: hash })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test('what no receipt can be had of is in doubt, and settled by reconciliation', async () => {
    const { verified, seller, hash, payment } = await pull()
    failing({ [SEND]: 'drop-answer', [RECEIPT]: 'drop' })
    const settlement = await verified.settle()
    expect(settlement).toMatchObject({ outcome: 'unknown', transaction: hash })
    expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'unknown', transaction: hash })
    failing({ eth_getBlockByNumber: 'garbage' })
    expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'unknown', transaction: hash })
    failing({})
    const inDoubt = settledRecordOf(verified, settlement, Date.now())
    expect(await protocol.reconcile(inDoubt)).toMatchObject({ outcome: 'settled', transaction: hash })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test.each([
    [-32003, 'nonce too low: next nonce 8, tx nonce 7', 'failed'],
    [-32003, 'Tempo tx valid_before (5) must be > current time + 3s (9)', 'failed'],
    [-32000, 'insufficient funds for gas * price + value', 'failed'],
    [-32603, 'internal error', 'unknown'],
    [-32000, 'invalid answer of an upstream node', 'unknown'],
    [-32000, 'already known', 'unknown'],
    [4, 'the transaction was added to the mempool but was not processed in time', 'unknown'],
    [-32601, 'the method does not exist', 'unsent'],
    [-32005, 'rate limit exceeded', 'unsent'],
  ])('a node that answers %i, %j, leaves it %s', async (code, message, outcome) => {
    const { verified, seller } = await pull()
    failing({ [SEND]: { body: { jsonrpc: '2.0', id: 1, error: { code, message } } } })
    const settlement = await verified.settle()
    expect(settlement.outcome).toBe(outcome)
    expect(JSON.stringify(settlement)).not.toContain(message)
    expect(await chain.balanceOf(seller)).toBe(0n)
  })

  test('a node that refuses what it has taken before is not believed over the receipt', async () => {
    const { verified, seller, hash } = await pull()
    await verified.settle()
    failing({
      [SEND]: { body: { jsonrpc: '2.0', id: 1, error: { code: -32003, message: 'nonce too low' } } },
    })
    expect(await verified.settle()).toMatchObject({ outcome: 'settled', transaction: hash })
    failing({
      [SEND]: { body: { jsonrpc: '2.0', id: 1, error: { code: -32003, message: 'nonce too low' } } },
      [RECEIPT]: 'drop',
    })
    expect(await verified.settle()).toMatchObject({ outcome: 'unknown', transaction: hash })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test('a receipt that lies about the transfer is no settlement', async () => {
    const { verified, payment } = await pull()
    expect(await verified.settle()).toMatchObject({ outcome: 'settled' })
    const receipt = await chain.request<{ logs: { address: Hex }[] }>(RECEIPT, [payment.evidence['hash']])
    const logs = receipt.logs.map((log) => ({ ...log, address: newAddress() }))
    failing({ [RECEIPT]: { body: { jsonrpc: '2.0', id: 1, result: { ...receipt, logs } } } })
    expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'failed', cause: 'transfer-missing' })
    failing({ [RECEIPT]: { body: { jsonrpc: '2.0', id: 1, result: { logs: 7 } } } })
    expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'unknown' })
  })

  test('what is taken and never mined is waited for within bounds', async () => {
    const { seller, charge, challenge } = ask()
    const calls = [transfer(chain.pathUsd.address, seller, CENT, await memoOf(chain, challenge))]
    // The node keeps it for all the nonces before this one.
    const signature = await signTransaction(payer, {
      calls,
      nonceKey: 0n,
      nonce: 1_000_000,
      validBefore: undefined,
    })
    const field = present(challenge, { type: 'transaction', signature })
    const rpc = { url: chain.url, timeoutMs: 1000 }
    const direct = mpp({ methods: [tempo({ rpc, chainId: 42431 })] })(createEnvironment())
    const verified = accepted(await verify(direct, field, charge))
    expect(await verified.settle()).toMatchObject({ outcome: 'unknown' })
    expect(await direct.reconcile(recordOf(verified, Date.now()))).toMatchObject({ outcome: 'unsent' })
    expect(await chain.balanceOf(seller)).toBe(0n)
  })
})

test('a transaction that expired unseen has failed, once the chain is surely past it', async () => {
  const later = await startTempoChain()
  try {
    const { payment, seller } = await pull()
    const there = mpp({ methods: [tempo({ rpc: later.url, chainId: 42431 })] })(createEnvironment())
    const validBefore = Number(payment.evidence['validBefore'])
    const at = async (timestamp: number): Promise<unknown> => {
      await later.request('evm_setNextBlockTimestamp', [timestamp])
      await later.mine()
      return there.reconcile(payment)
    }
    expect(await at(validBefore + 10)).toMatchObject({ outcome: 'unsent' })
    expect(await at(validBefore + 60)).toMatchObject({ outcome: 'failed', cause: 'transaction-expired' })
    expect(await chain.balanceOf(seller)).toBe(0n)
  } finally {
    await later.stop()
  }
})

test('evidence that is not ours is in doubt, and holds no signature when it is', async () => {
  const { payment, verified } = await pull()
  expect(payment.evidence).toEqual({
    hash: expect.any(String),
    memo: expect.any(String),
    validBefore: expect.any(Number),
  })
  for (const evidence of [{}, { hash: '0x01' }, { ...payment.evidence, memo: 7 }]) {
    expect(await protocol.reconcile({ ...payment, evidence })).toMatchObject({ outcome: 'unknown' })
    expect(await protocol.settleDeferred({ ...payment, evidence }, verified.deferred ?? {})).toMatchObject({
      outcome: 'unknown',
    })
  }
  expect(await protocol.settleDeferred(payment, { raw: 7 })).toMatchObject({ outcome: 'unknown' })
})

test('hostile payloads are refused, never thrown', async () => {
  const paid = ask()
  const free = ask('0')
  const hex = fc.uint8Array({ maxLength: 300 }).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`)
  const payload = fc.oneof(
    fc.object(),
    fc.record({ type: fc.constantFrom('transaction', 'proof', 'other'), signature: fc.anything() }),
    fc.record({ type: fc.constantFrom('transaction', 'proof'), signature: hex }),
    fc.record({
      type: fc.constant('transaction'),
      signature: hex.map((text) => `0x76${text.slice(2)}` as const),
    }),
    fc.record({ type: fc.constant('hash'), hash: fc.oneof(fc.anything(), hex) }),
  )
  const real = payloadOf(await payWithMppx(chain, payer, paid.challenge)).signature
  const mutated = fc
    .tuple(fc.nat(real.length - 5), fc.constantFrom('0', '7', 'c', 'f'))
    .map(([index, digit]) => ({
      type: 'transaction',
      signature: `${real.slice(0, 4 + index)}${digit}${real.slice(5 + index)}`,
    }))
  proxy.fail = (method) => (method === 'eth_chainId' || method === 'eth_call' ? null : 'drop')
  await fc.assert(
    fc.asyncProperty(fc.oneof(payload, mutated), fc.option(fc.string()), async (value, source) => {
      for (const { challenge, charge } of [paid, free]) {
        const json = JSON.parse(
          JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item)),
        )
        const field = present(challenge, json, source ?? undefined)
        const found = await verify(protocol, field, charge)
        expect('reason' in found ? found.reason : 'verified').toMatch(
          /^(malformed-credential|verification-failed|insufficient-payment|settlement-unavailable|verified)$/,
        )
      }
    }),
    { numRuns: 150 },
  )
})
