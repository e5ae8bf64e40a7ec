import { decodePaymentSignatureHeader, encodePaymentRequiredHeader } from '@x402/core/http'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exact } from 'x402/schemes'
import { settleResponseHeader } from 'x402/types'
import type { JsonObject } from '../../../src/lib/json.ts'
import type { Refusal } from '../../../src/problems/refusal.ts'
import type { Signed } from '../../../src/protocols/payer.ts'
import type { Charge, Verified } from '../../../src/protocols/protocol.ts'
import { readCredential } from '../../../src/protocols/x402/credential.ts'
import { x402Payer } from '../../../src/protocols/x402/pay.ts'
import { receiptFields } from '../../../src/protocols/x402/receipt.ts'
import { verifyContent } from '../../../src/protocols/x402/verify.ts'
import { accepted, createCharge, RECIPIENT, settledRecordOf } from '../mpp/fixtures.ts'
import { offerOf, signer, signingOf, unpaidOf } from '../payers.ts'
import { challengeOf, contentOf, networks, PAYER, requiredOf, withMember, write } from './fixtures.ts'

const charge = createCharge()

/** A 402 of ours for clients of one version. */
function unpaid(version: 1 | 2, of = charge) {
  const { headers, body } = unpaidOf(challengeOf(of))
  return version === 2 ? { headers, body: null } : { headers: new Headers(), body }
}

function verify({ field }: Signed, on: Charge = charge): Promise<Verified | Refusal> {
  return verifyContent(contentOf(readCredential(new Headers([[...field]]))), on, networks, Date.now)
}

describe.each([1, 2] as const)('version %i', (version) => {
  test('is read as it was offered, and nothing of it is signed before it is asked for', () => {
    expect(offerOf(x402Payer, unpaid(version))).toMatchObject({
      protocol: 'x402',
      version,
      method: 'exact',
      network: 'eip155:84532',
      amount: 10_000n,
      recipient: RECIPIENT,
      resource: charge.url,
      description: 'One report',
      splits: [],
      needsTransaction: false,
    })
  })

  test('is paid by what our server takes, for as long as it asks, and never for more than an hour', async () => {
    const offer = offerOf(x402Payer, unpaid(version))
    const now = Date.now()
    const signed = await offer.sign(signingOf({ now }))
    expect(accepted(await verify(signed))).toMatchObject({
      payer: PAYER,
      amount: 10_000n,
      recipient: RECIPIENT,
    })
    const { validBefore } = contentOf(readCredential(new Headers([[...signed.field]]))).authorization
    expect(validBefore).toBe(BigInt(Math.floor(now / 1000) + charge.ttl))
    expect(signed.evidence).toMatchObject({ kind: 'authorization', validBefore: validBefore.toString() })

    const long = offerOf(x402Payer, unpaid(version, createCharge({ ttl: 86_400 })))
    const { evidence } = await long.sign(signingOf({ now }))
    expect(evidence).toMatchObject({ validBefore: String(Math.floor(now / 1000) + 3600) })
  })

  test('of a zero price is paid by a signature that moves nothing', async () => {
    const free = createCharge({ cost: '0' })
    const signed = await offerOf(x402Payer, unpaid(version, free)).sign(signingOf())
    expect(accepted(await verify(signed, free)).amount).toBe(0n)
    expect(signed.evidence).toEqual({ kind: 'signature' })
  })

  test('has a nonce of its own for every credential', async () => {
    const offer = offerOf(x402Payer, unpaid(version))
    const [a, b] = await Promise.all([offer.sign(signingOf()), offer.sign(signingOf())])
    expect(a.evidence).not.toEqual(b.evidence)
  })

  test('takes the signature of a wallet that counts from 0', async () => {
    const low = {
      ...signer,
      signTypedData: async (data: Parameters<typeof signer.signTypedData>[0]) =>
        (await signer.signTypedData(data)).replace(/1b$/, '00').replace(/1c$/, '01') as `0x${string}`,
    }
    for (let time = 0; time < 4; time++) {
      accepted(await verify(await offerOf(x402Payer, unpaid(version)).sign(signingOf({ signer: low }))))
    }
  })
})

test('a credential of version 2 echoes its offer whole, and names the request where it was invited to', async () => {
  const challenge = challengeOf(charge)
  const { field } = await offerOf(x402Payer, unpaidOf(challenge)).sign(
    signingOf({ key: 'request-1234567890' }),
  )
  expect(field[0]).toBe('PAYMENT-SIGNATURE')
  const payload = decodePaymentSignatureHeader(field[1])
  const { extensions, ...others } = requiredOf(challenge)
  expect(payload.accepted).toEqual(others.accepts[0])
  expect(payload.extensions).toEqual({
    'payment-identifier': { info: { required: false, id: 'request-1234567890' } },
  })
  expect(extensions).toHaveProperty('payment-identifier')
  const headers = new Headers({ 'payment-required': encodePaymentRequiredHeader(others) })
  const unnamed = await offerOf(x402Payer, { headers, body: null }).sign(signingOf())
  expect(decodePaymentSignatureHeader(unnamed.field[1])).not.toHaveProperty('extensions')
})

test('a credential of version 1 is read by the official decoder', async () => {
  const { field } = await offerOf(x402Payer, unpaid(1)).sign(signingOf())
  expect(field[0]).toBe('X-PAYMENT')
  expect(exact.evm.decodePayment(field[1])).toMatchObject({ scheme: 'exact', network: 'base-sepolia' })
})

test('a wallet that refuses, or returns no signature, is an error with that code', async () => {
  const offer = offerOf(x402Payer, unpaid(2))
  const refusing = { ...signer, signTypedData: () => Promise.reject(new Error('denied')) }
  const silent = { ...signer, signTypedData: async () => '0x' as const }
  for (const wallet of [refusing, silent]) {
    await expect(offer.sign(signingOf({ signer: wallet }))).rejects.toMatchObject({ code: 'signing-failed' })
  }
})

describe('what cannot be paid is passed over with a reason', () => {
  const good = requiredOf(challengeOf(charge)) as unknown as JsonObject
  const read = (challenge: unknown) =>
    x402Payer.readOffers({ headers: new Headers({ 'payment-required': write(challenge) }), body: null })

  test.each([
    ['accepts.0.scheme', 'upto', 'scheme'],
    ['accepts.0.network', 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp', 'network'],
    ['accepts.0.network', 'eip155:01', 'network'],
    ['accepts.0.amount', '0x10', 'amount'],
    ['accepts.0.amount', 10_000, 'amount'],
    ['accepts.0.amount', undefined, 'amount'],
    ['accepts.0.asset', '0x12', 'asset'],
    ['accepts.0.payTo', 'somebody', 'payTo'],
    ['accepts.0.maxTimeoutSeconds', 0, 'maxTimeoutSeconds'],
    ['accepts.0.maxTimeoutSeconds', '60', 'maxTimeoutSeconds'],
    ['accepts.0.extra.assetTransferMethod', 'permit2', 'permit2'],
  ])('%s: %j', (path, value, why) => {
    const { offers, unreadable } = read(withMember(good, path, value))
    // The other chain is offered still.
    expect(offers.map(({ network }) => network)).toEqual(['eip155:8453'])
    expect(unreadable).toEqual([expect.stringContaining(why)])
  })

  test.each(['', 'e30=', 'not base64', btoa('{"x402Version":1}'), btoa('{"x402Version":2}'), 'e30=, e30='])(
    'the field %j',
    (field) => {
      const headers = new Headers({ 'payment-required': field })
      const { offers, unreadable } = x402Payer.readOffers({ headers, body: unpaid(1).body })
      expect([offers, unreadable.length]).toEqual([[], 1])
    },
  )

  test('a list without end is read to its 32nd member', () => {
    const accepts = (good['accepts'] as JsonObject[]).slice(0, 1)
    const many = (length: number) => read({ ...good, accepts: Array.from({ length }, () => accepts[0]) })
    expect(many(60).offers).toHaveLength(32)
    // And one without measure is not read at all.
    expect(many(10_000)).toMatchObject({ offers: [], unreadable: [expect.any(String)] })
  })

  test('whatever comes, nothing throws', () => {
    const headers = fc
      .oneof(fc.string(), fc.json().map(base64Of))
      .map((text) => new Headers({ 'payment-required': text }))
    const body = fc.option(fc.dictionary(fc.constantFrom('x402Version', 'accepts'), fc.jsonValue()), {
      nil: null,
    })
    fc.assert(
      fc.property(
        headers,
        body,
        (fields, members) => void x402Payer.readOffers({ headers: fields, body: members as JsonObject }),
      ),
    )
    fc.assert(
      fc.property(
        body,
        (members) =>
          void x402Payer.readOffers({
            headers: new Headers(),
            body: { x402Version: 1, ...members } as JsonObject,
          }),
      ),
    )
  })
})

describe('a receipt', () => {
  test.each([1, 2] as const)('of ours, version %i, is read', async (version) => {
    const verified = accepted(await verify(await offerOf(x402Payer, unpaid(version)).sign(signingOf())))
    const transaction = `0x${'ab'.repeat(32)}`
    const record = settledRecordOf(verified, { outcome: 'settled', transaction, block: '1' }, Date.now())
    const headers = new Headers()
    for (const [name, value] of receiptFields({ ...record, protocol: 'x402' })) headers.set(name, value)
    expect(x402Payer.readReceipt(headers)).toEqual({
      succeeded: true,
      transaction,
      network: 'eip155:84532',
      payer: PAYER,
      amount: version === 2 ? 10_000n : null,
      method: null,
      cause: null,
    })
  })

  test('of the official v1 server is read, also one of a failure', () => {
    const field = settleResponseHeader({
      success: false,
      transaction: '',
      network: 'base-sepolia',
      payer: signer.address,
      errorReason: 'insufficient_funds',
    })
    expect(x402Payer.readReceipt(new Headers({ 'x-payment-response': field }))).toMatchObject({
      succeeded: false,
      transaction: null,
      network: 'eip155:84532',
      payer: PAYER,
      cause: 'insufficient_funds',
    })
  })

  test('that is malformed or stands there twice is unreadable; without one there is none', () => {
    for (const field of ['x', 'e30=', 'e30=, e30=']) {
      expect(x402Payer.readReceipt(new Headers({ 'payment-response': field }))).toBe('unreadable')
    }
    expect(x402Payer.readReceipt(new Headers())).toBeNull()
  })
})

/** Base64 of any text. */
function base64Of(text: string): string {
  return Buffer.from(text).toString('base64')
}
