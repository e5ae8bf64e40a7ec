import fc from 'fast-check'
import { Challenge, Credential, Receipt } from 'mppx'
import { privateKeyToAccount } from 'viem/accounts'
import { Transaction } from 'viem/tempo'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { baseSepolia } from '../../../src/evm/network.ts'
import { createRpc } from '../../../src/evm/rpc.ts'
import { readCredential } from '../../../src/protocols/mpp/credential.ts'
import { evm } from '../../../src/protocols/mpp/evm.ts'
import { mpp } from '../../../src/protocols/mpp/index.ts'
import { mppPayer } from '../../../src/protocols/mpp/pay.ts'
import { tempo } from '../../../src/protocols/mpp/tempo.ts'
import type { ReceivedOffer, Signed, Signing, Unpaid } from '../../../src/protocols/payer.ts'
import type { Charge, Protocol } from '../../../src/protocols/protocol.ts'
import { startTempoChain, type TempoChain } from '../../chains/tempo.ts'
import { offerOf, signer, signingOf, unpaidOf } from '../payers.ts'
import { accepted, createCharge, createEnvironment, RECIPIENT, readable, UNPAID } from './fixtures.ts'
import { at, newAddress, send } from './tempo/payer.ts'

let chain: TempoChain
let protocol: Protocol

beforeAll(async () => {
  chain = await startTempoChain()
  const settle = {
    name: 'nobody',
    verify: async () => null,
    settle: async () => ({ outcome: 'unsent', detail: 'there is nobody' }) as const,
  }
  const methods = [tempo({ rpc: chain.url, chainId: 42431 }), evm({ network: baseSepolia({ settle }) })]
  protocol = mpp({ methods })(createEnvironment())
})
afterAll(() => chain?.stop())

function unpaid(charge = createCharge()): Unpaid {
  const challenge = protocol.challenge(charge, new Headers(), UNPAID)
  if (challenge === null) throw new Error('nothing is asked')
  return unpaidOf(challenge)
}

/** The offer of a method. */
function offered(method: 'tempo' | 'evm', charge?: Charge): ReceivedOffer {
  const offer = mppPayer.readOffers(unpaid(charge)).offers.find((each) => each.method === method)
  return offer ?? expect.fail('it is not offered')
}

/** A payer on Tempo. */
function tempoSigning(overrides: Partial<Signing> = {}): Signing {
  const rich = privateKeyToAccount(at(chain, 0))
  return signingOf({ signer: rich, asset: chain.pathUsd, rpc: createRpc(chain.url, 42431), ...overrides })
}

const verify = async ({ field }: Signed, charge: Charge) =>
  accepted(await protocol.verify(readable(readCredential, field[1]), charge))

test('both methods are read as they were offered', () => {
  const { offers, unreadable } = mppPayer.readOffers(unpaid())
  const common = {
    protocol: 'mpp',
    version: null,
    amount: 10_000n,
    recipient: RECIPIENT,
    description: 'One report',
  }
  expect(offers).toMatchObject([
    { ...common, method: 'tempo', network: 'eip155:42431', needsTransaction: true },
    { ...common, method: 'evm', network: 'eip155:84532', needsTransaction: false },
  ])
  expect(offers.every(({ expiresAt }) => expiresAt !== null && expiresAt > Date.now())).toBe(true)
  expect(unreadable).toEqual([])
})

test('evm is paid by an authorization for this very challenge, which ends with it', async () => {
  const charge = createCharge()
  const signed = await offered('evm', charge).sign(signingOf())
  expect(await verify(signed, charge)).toMatchObject({
    amount: 10_000n,
    recipient: RECIPIENT,
    payer: signer.address.toLowerCase(),
  })
  expect(signed.evidence).toMatchObject({ validBefore: String(Math.floor(charge.expiresAt / 1000)) })
  const credential = Credential.deserialize(signed.field[1])
  expect(credential.source).toBe(`did:pkh:eip155:84532:${signer.address}`)

  const endless = createCharge({ expiresAt: Date.now() + 80_000_000 })
  const now = Date.now()
  const capped = await offered('evm', endless).sign(signingOf({ now }))
  expect(capped.evidence).toMatchObject({ validBefore: String(Math.floor(now / 1000) + 3600) })
})

test('the source of a credential has its checksum, whatever the wallet says', async () => {
  const lower = { ...signer, address: signer.address.toLowerCase() as `0x${string}` }
  const { field } = await offered('evm').sign(signingOf({ signer: lower }))
  expect(Credential.deserialize(field[1]).source).toBe(`did:pkh:eip155:84532:${signer.address}`)
})

test('evm of a zero price is paid by a signature', async () => {
  const free = createCharge({ cost: '0' })
  const signed = await offered('evm', free).sign(signingOf())
  expect((await verify(signed, free)).amount).toBe(0n)
  expect(signed.evidence).toEqual({ kind: 'signature' })
})

test('tempo of a zero price is paid by a proof, without a chain', async () => {
  const free = createCharge({ cost: '0' })
  const offer = offered('tempo', free)
  expect(offer.needsTransaction).toBe(false)
  const signed = await offer.sign(signingOf())
  expect((await verify(signed, free)).payer).toBe(signer.address.toLowerCase())
  expect(signed.evidence).toEqual({ kind: 'signature' })
})

test('tempo is paid by a transaction that the server sends', async () => {
  const seller = newAddress()
  const charge = createCharge({ recipient: () => seller })
  const { evidence, ...signed } = await offered('tempo', charge).sign(tempoSigning())
  const verified = await verify({ evidence, ...signed }, charge)
  const settlement = await verified.settle()
  expect(await chain.balanceOf(seller)).toBe(10_000n)
  // What is kept finds the payment on the chain.
  expect(evidence).toMatchObject({ kind: 'transaction', raw: null })
  expect(settlement).toMatchObject({ transaction: evidence.kind === 'transaction' && evidence.hash })
})

test('tempo is paid by a transaction that the payer sends, where that is wanted', async () => {
  const seller = newAddress()
  const charge = createCharge({ recipient: () => seller })
  const signed = await offered('tempo', charge).sign(tempoSigning({ mode: 'push' }))
  const { evidence } = signed
  if (evidence.kind !== 'transaction' || evidence.raw === null) return expect.fail('nothing to send')
  expect(await chain.balanceOf(seller)).toBe(0n)
  expect(await send(chain, evidence.raw)).toBe(evidence.hash)
  await (await verify(signed, charge)).settle()
  expect(await chain.balanceOf(seller)).toBe(10_000n)
})

describe('tempo, as servers may ask', () => {
  /** The offer of a challenge like ours with other details. */
  function asked(change: Record<string, unknown>, request: Record<string, unknown> = {}): ReceivedOffer {
    const { request: own, ...params } = Challenge.fromHeadersList(unpaid().headers)[0] ?? expect.fail('none')
    const methodDetails = { ...(own['methodDetails'] as object), ...change }
    const field = Challenge.serialize({ ...params, request: { ...own, ...request, methodDetails } } as never)
    return offerOf(mppPayer, { headers: new Headers({ 'www-authenticate': field }), body: null })
  }
  const transactionOf = ({ field: [, value] }: Signed) => {
    const { signature } = Credential.deserialize(value).payload as { signature: `0x76${string}` }
    return Transaction.deserialize(signature)
  }

  test.each([
    ['pull', ['push'], 'hash'],
    ['push', ['pull'], 'transaction'],
    ['push', ['pull', 'push'], 'hash'],
  ] as const)('%s is wanted, %j supported: %s', async (mode, supportedModes, type) => {
    const { field } = await asked({ supportedModes }).sign(tempoSigning({ mode }))
    expect(Credential.deserialize(field[1]).payload).toMatchObject({ type })
  })

  test('splits are calls of the same transaction, and take nothing more', async () => {
    const [first, second] = [newAddress(), newAddress()] as const
    const memo = `0x${'11'.repeat(32)}` as const
    const splits = [
      { recipient: first, amount: '1000' },
      { recipient: second, amount: '500', memo },
    ]
    const offer = asked({ splits })
    expect(offer.amount).toBe(10_000n)
    expect(offer.splits).toMatchObject([
      { recipient: first, amount: 1000n },
      { recipient: second, amount: 500n },
    ])
    const signed = await offer.sign(tempoSigning({ mode: 'push' }))
    const before = await chain.balanceOf(RECIPIENT)
    if (signed.evidence.kind !== 'transaction' || signed.evidence.raw === null)
      return expect.fail('no transaction')
    await send(chain, signed.evidence.raw)
    const balances = await Promise.all(
      ([first, second, RECIPIENT] as const).map((address) => chain.balanceOf(address)),
    )
    expect(balances).toEqual([1000n, 500n, before + 8500n])
  })

  test('a sponsored transaction waits for its sponsor, whose signature changes its hash', async () => {
    const signed = await asked({ feePayer: true }).sign(tempoSigning())
    expect(signed.evidence).toMatchObject({ kind: 'transaction', hash: null, raw: null })
    expect(transactionOf(signed)).toMatchObject({ feePayerSignature: null })
    expect(transactionOf(await asked({}).sign(tempoSigning()))).not.toHaveProperty('feePayerSignature', null)
  })

  test('a transaction is good for 25 seconds', async () => {
    const now = Date.now()
    const signed = await asked({}).sign(tempoSigning({ now }))
    expect(signed.evidence).toMatchObject({ validBefore: Math.floor(now / 1000) + 25 })
  })

  test.each([
    [{ supportedModes: [] }, {}, 'neither'],
    [{ chainId: 'x' }, {}, 'chainId'],
    [{ chainId: -1 }, {}, 'chainId'],
    [{ splits: {} }, {}, 'splits'],
    [{ splits: [{ recipient: RECIPIENT, amount: '10000' }] }, {}, 'splits'],
    [{ splits: [{ recipient: RECIPIENT, amount: '0' }] }, {}, 'splits'],
    [{ splits: [{ recipient: 'x', amount: '1' }] }, {}, 'splits'],
    [{ splits: [{ recipient: RECIPIENT, amount: '1', memo: '0x' }] }, {}, 'memo'],
    [{ splits: Array.from({ length: 11 }, () => ({ recipient: RECIPIENT, amount: '1' })) }, {}, 'splits'],
    [{}, { amount: '-1' }, 'amount'],
    [{}, { currency: 'USD' }, 'currency'],
    [{}, { recipient: null }, 'recipient'],
  ])('%j %j is passed over with a reason', (details, request, why) => {
    expect(() => asked(details, request)).toThrow(why)
  })
})

test.each([
  ['Payment id="1", realm="r", method="stripe", intent="charge", request="e30"', 'stripe/charge'],
  ['Payment id="1", realm="r", method="tempo", intent="session", request="e30"', 'tempo/session'],
  ['Payment id="1", realm="r", method="constructor", intent="charge", request="e30"', 'constructor/charge'],
  ['Payment id="1", realm="r", method="tempo", intent="charge", request="!"', 'request'],
  ['Payment id="1", realm="r", method="tempo", intent="charge"', 'lacks a parameter'],
  ['Payment id="1', 'malformed'],
])('%s is passed over with a reason', (field, why) => {
  const { offers, unreadable } = mppPayer.readOffers({
    headers: new Headers({ 'www-authenticate': field }),
    body: null,
  })
  expect([offers, unreadable]).toEqual([[], [expect.stringContaining(why)]])
})

test('other schemes offer nothing, and are nothing to complain about', () => {
  const headers = new Headers({ 'www-authenticate': 'Bearer realm="x", Basic' })
  expect(mppPayer.readOffers({ headers, body: null })).toEqual({ offers: [], unreadable: [], why: null })
  expect(mppPayer.readOffers({ headers: new Headers(), body: null })).toEqual({
    offers: [],
    unreadable: [],
    why: null,
  })
})

test('whatever a challenge asks, nothing throws', () => {
  const request = fc.dictionary(
    fc.constantFrom('amount', 'currency', 'recipient', 'methodDetails', 'description'),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(request, fc.constantFrom('tempo', 'evm'), (value, method) => {
      const encoded = Buffer.from(JSON.stringify(value)).toString('base64url')
      const field = `Payment id="1", realm="r", method="${method}", intent="charge", request="${encoded}"`
      mppPayer.readOffers({ headers: new Headers({ 'www-authenticate': field }), body: null })
    }),
  )
})

describe('a receipt', () => {
  const receipt = { status: 'success', method: 'tempo', timestamp: '2030-01-01T00:00:00Z' } as const
  const read = (field: string) => mppPayer.readReceipt(new Headers({ 'payment-receipt': field }))

  test('of mppx is read', () => {
    const reference = `0x${'AB'.repeat(32)}`
    expect(read(Receipt.serialize(Receipt.from({ ...receipt, reference })))).toMatchObject({
      succeeded: true,
      transaction: reference.toLowerCase(),
      method: 'tempo',
    })
    expect(read(Receipt.serialize(Receipt.from({ ...receipt, reference: 'challenge-1' })))).toMatchObject({
      transaction: null,
    })
  })

  test('that is malformed is unreadable; without one there is none', () => {
    expect([read('x'), read('e30'), mppPayer.readReceipt(new Headers())]).toEqual([
      'unreadable',
      'unreadable',
      null,
    ])
  })
})
