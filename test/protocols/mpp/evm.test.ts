import { Challenge, Credential, Receipt } from 'mppx'
import { evm as evmClient } from 'mppx/client'
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { baseSepolia, type EvmNetwork } from '../../../src/evm/network.ts'
import { wallet } from '../../../src/evm/wallet.ts'
import { encodeBase64 } from '../../../src/lib/base64.ts'
import { utf8 } from '../../../src/lib/bytes.ts'
import type { Address } from '../../../src/payments/address.ts'
import { CofferError } from '../../../src/problems/error.ts'
import { isRefusal, type Refusal } from '../../../src/problems/refusal.ts'
import { evm } from '../../../src/protocols/mpp/evm.ts'
import { mpp } from '../../../src/protocols/mpp/index.ts'
import type { Charge, Protocol, Verified } from '../../../src/protocols/protocol.ts'
import { x402 } from '../../../src/protocols/x402/index.ts'
import { type Account, type EvmChain, startEvmChain } from '../../chains/evm.ts'
import {
  accepted,
  createCharge,
  createEnvironment,
  readable,
  recordOf,
  settledRecordOf,
  UNPAID,
} from './fixtures.ts'

const CENT = 10_000n

let chain: EvmChain
let network: EvmNetwork
let protocol: Protocol
let payer: Account
let seller: Address
let charge: Charge

beforeAll(async () => {
  chain = await startEvmChain()
  const [settling, paying] = chain.accounts
  if (!settling || !paying) throw new Error('no accounts')
  payer = paying
  network = baseSepolia({ rpc: chain.url, settle: wallet(settling.privateKey) })
  protocol = mpp({ methods: [evm({ network })] })(createEnvironment())
  await chain.mint(payer.address, 1_000_000n)
})
afterAll(() => chain?.stop())
beforeEach(() => {
  seller = privateKeyToAddress(generatePrivateKey()).toLowerCase() as Address
  charge = createCharge({ recipient: () => seller })
})

function challengeOf(asked = charge): Challenge.Challenge {
  const headers = new Headers()
  for (const [name, value] of protocol.challenge(asked, new Headers(), UNPAID)?.headers ?? []) {
    headers.append(name, value)
  }
  return Challenge.fromResponse(new Response(null, { status: 402, headers }))
}

/** The field that mppx's own client answers a challenge with. */
async function pay(challenge = challengeOf(), account = payer): Promise<string> {
  const { name, version } = chain.usdc.eip712 ?? { name: '', version: '' }
  const method = evmClient.charge({
    account: privateKeyToAccount(account.privateKey),
    networks: [chain.chainId],
    currencies: [chain.usdc.address],
    decimals: chain.usdc.decimals,
    authorization: { name, version },
  })
  return method.createCredential({ challenge: challenge as never, context: {} })
}

const verify = (field: string, asked = charge): Promise<Verified | Refusal> =>
  protocol.verify(readable(protocol.credential, field), asked)

type Payload = Readonly<Record<string, string>>

/** The same credential with parts of it replaced. */
async function changed(payload: Payload, source?: string): Promise<string> {
  const credential = Credential.deserialize<Payload>(await pay())
  return Credential.serialize({
    ...credential,
    payload: { ...credential.payload, ...payload },
    ...(source !== undefined && { source }),
  })
}

describe('an authorization', () => {
  test('moves the price once, and is its own proof', async () => {
    const challenge = challengeOf()
    const verified = accepted(await verify(await pay(challenge)))
    const nonce = verified.evidence['nonce']
    expect(verified).toMatchObject({
      method: 'evm',
      network: 'eip155:84532',
      amount: CENT,
      payer: payer.address,
      recipient: seller,
    })
    expect(verified.proofs).toEqual([
      `mpp:challenge:${challenge.id}`,
      `x402:eip155:84532:${chain.usdc.address}:${payer.address}:${nonce}`,
    ])
    const settlement = await verified.settle()
    expect(settlement).toMatchObject({ outcome: 'settled' })
    expect(await verified.settle()).not.toMatchObject({ outcome: 'unsent' })
    expect(await chain.balanceOf(seller)).toBe(CENT)

    const payment = settledRecordOf(verified, settlement, Date.now())
    expect(await protocol.reconcile(payment)).toEqual(settlement)
    const [[, value] = ['', '']] = protocol.receipt(payment, 200)
    expect(Receipt.deserialize(value)).toMatchObject({ method: 'evm', reference: payment.transaction })
  })

  test('ends with its challenge', async () => {
    const challenge = challengeOf()
    const { payload } = Credential.deserialize<Payload>(await pay(challenge))
    expect(Number(payload['validBefore'])).toBe(Math.floor(Date.parse(challenge.expires ?? '') / 1000))
  })

  test('is settled later from what was kept, as JSON, of it', async () => {
    const verified = accepted(await verify(await pay()))
    const payment = recordOf(verified, Date.now())
    const deferred = JSON.parse(JSON.stringify(verified.deferred))
    expect(await protocol.settleDeferred(payment, {})).toMatchObject({ outcome: 'unknown' })
    expect(await protocol.settleDeferred({ ...payment, asset: seller }, deferred)).toMatchObject({
      outcome: 'unknown',
    })
    expect(await protocol.reconcile(payment)).toMatchObject({ outcome: 'unsent' })
    expect(await protocol.settleDeferred(payment, deferred)).toMatchObject({ outcome: 'settled' })
    expect(await chain.balanceOf(seller)).toBe(CENT)
  })

  test('spends as an x402 credential what it spends here, since the token sees no difference', async () => {
    const field = await pay()
    const verified = accepted(await verify(field))
    const { type: _, signature, ...authorization } = Credential.deserialize<Payload>(field).payload
    const other = x402({ networks: [network] })(createEnvironment())
    const [required] = other.challenge(charge, new Headers(), UNPAID)?.headers ?? []
    const { accepts } = JSON.parse(atob(required?.[1] ?? ''))
    const text = JSON.stringify({
      x402Version: 2,
      accepted: accepts[0],
      payload: { signature, authorization },
    })
    const credential = other.credential(new Headers({ 'payment-signature': encodeBase64(utf8(text)) }))
    if (credential === null || isRefusal(credential)) throw new Error('not readable')
    const spent = accepted(await other.verify(credential, charge))
    expect(verified.proofs).toContain(spent.proofs[0])
  })

  test('of value 0 pays a zero price, and nothing is sent', async () => {
    charge = createCharge({ recipient: () => seller, cost: '0.00' })
    const challenge = challengeOf()
    const penniless = chain.accounts[5] ?? payer
    const verified = accepted(await verify(await pay(challenge, penniless)))
    const count = await chain.client.getBlockNumber({ cacheTime: 0 })
    const settlement = await verified.settle()
    expect(settlement).toEqual({ outcome: 'settled', transaction: null, block: null })
    expect(verified).toMatchObject({ payer: penniless.address, amount: 0n, deferred: null })
    const payment = settledRecordOf(verified, settlement, Date.now())
    expect(await protocol.reconcile(payment)).toEqual(settlement)
    expect(await chain.client.getBlockNumber({ cacheTime: 0 })).toBe(count)
    const [[, value] = ['', '']] = protocol.receipt(payment, 200)
    expect(Receipt.deserialize(value)).toMatchObject({ reference: challenge.id })
  })
})

describe('is refused', () => {
  test.each([
    ['for another challenge', { nonce: `0x${'ab'.repeat(32)}` }, 'verification-failed'],
    ['for somebody else', { to: `0x${'ab'.repeat(20)}` }, 'verification-failed'],
    ['of less', { value: '9999' }, 'insufficient-payment'],
    ['of more', { value: '10001' }, 'verification-failed'],
    ['expired', { validBefore: '1' }, 'challenge-expired'],
    ['that lives longer than was signed', { validBefore: '99999999999' }, 'verification-failed'],
    ['not valid yet', { validAfter: '99999999998' }, 'verification-failed'],
    ['of another payer', { from: `0x${'ab'.repeat(20)}` }, 'verification-failed'],
    ['with another signature', { signature: `0x${'11'.repeat(65)}` }, 'verification-failed'],
    ['of another type', { type: 'permit2' }, 'malformed-credential'],
    ['with a hexadecimal amount', { value: '0x2710' }, 'malformed-credential'],
    ['with a negative amount', { value: '-1' }, 'malformed-credential'],
    ['with half a nonce', { nonce: '0xab' }, 'malformed-credential'],
    ['with no address', { from: 'alice' }, 'malformed-credential'],
  ])('an authorization %s', async (_, payload, reason) => {
    const refusal = await verify(await changed(payload, ''))
    expect(refusal).toMatchObject({ reason })
    expect(await chain.balanceOf(seller)).toBe(0n)
  })

  test.each([['did:pkh:eip155:84532:0x00000000000000000000000000000000000000ab'], ['did:key:z6Mk']])(
    'a credential whose source is %s',
    async (source) => {
      expect(await verify(await changed({}, source))).toMatchObject({ reason: 'verification-failed' })
    },
  )

  test('a source on another chain', async () => {
    expect(await verify(await changed({}, `did:pkh:eip155:1:${payer.address}`))).toMatchObject({
      reason: 'verification-failed',
    })
  })

  test('a credential for another route', async () => {
    const field = await pay()
    expect(await verify(field, { ...charge, route: 'GET /other' })).toMatchObject({
      reason: 'invalid-challenge',
    })
    expect(await verify(field, { ...charge, recipient: () => payer.address })).toMatchObject({
      reason: 'invalid-challenge',
    })
  })
})

test('options are checked', () => {
  expect(() => evm({ network: { ...network, assets: [] } })).toThrow(CofferError)
  expect(() => evm({ network, rpc: chain.url } as never)).toThrow(/evm.rpc/)
  expect(() => evm({ network }).checkPrice(createCharge({ cost: '0.0000001' }).price)).toThrow(CofferError)
})
