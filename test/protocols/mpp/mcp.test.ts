import fc from 'fast-check'
import { Challenge, Credential } from 'mppx'
import { describe, expect, it } from 'vitest'
import { isRefusal } from '../../../src/problems/refusal.ts'
import { parseChallenges } from '../../../src/protocols/mpp/challenge.ts'
import { readCredential } from '../../../src/protocols/mpp/credential.ts'
import { encodeEnvelope } from '../../../src/protocols/mpp/envelope.ts'
import {
  challengeFields,
  challengeIdOf,
  credentialField,
  credentialMeta,
  errorCode,
  readPaymentRequired,
  receiptFields,
  receiptMeta,
} from '../../../src/protocols/mpp/mcp.ts'

const request = { amount: '1', recipient: '0x01', methodDetails: { chainId: 7 } }
const opaque = encodeEnvelope({ nonce: 'n', route: 'POST /tool/report' })
const challenge = { id: 'the-id', realm: 'api.test', method: 'tempo', intent: 'charge', request, opaque }
const payload = { type: 'hash', hash: '0x01' }

const fieldOf = (credential: unknown) => credentialField({ 'org.paymentauth/credential': credential })

const isThere = (value: unknown): boolean => value !== null && value !== undefined

describe('the credential of a call', () => {
  it('is what mppx would send over HTTP, whichever way it is written', () => {
    const credential = Credential.from({ challenge: Challenge.from(challenge), payload })
    const [name, text] = fieldOf(credential) ?? []
    expect(name).toBe('Authorization')
    const read = (field: string) => readCredential(new Headers({ authorization: field }))
    expect(read(text ?? '')).toMatchObject({
      content: { challenge: { request: encodeEnvelope(request), opaque }, payload },
    })
    const overHttp = read(Credential.serialize(credential))
    expect(read(text ?? '')).toEqual({ ...overHttp, text: expect.any(String) })
    const { realm, ...others } = credential.challenge
    expect(fieldOf({ payload, challenge: { ...others, realm } })).toEqual([name, text])
    expect(fieldOf({ payload, challenge: { ...challenge, request: encodeEnvelope(request) } })).toEqual([
      name,
      text,
    ])
  })

  it('is refused when it is none, and never breaks a field', () => {
    expect(credentialField({})).toBeNull()
    fc.assert(
      fc.property(fc.anything({ withBigInt: true }).filter(isThere), fc.anything(), (anything, requested) => {
        for (const credential of [anything, { challenge: anything }, { challenge: { request: requested } }]) {
          const field = fieldOf(credential)
          expect(isRefusal(readCredential(new Headers([[...(field ?? ['', ''])]])))).toBe(true)
          challengeIdOf({ 'org.paymentauth/credential': credential })
        }
      }),
    )
  })
})

describe('what an unpaid call is told', () => {
  it('are the challenges as objects, and the problem', () => {
    const parts = { ...challenge, request: encodeEnvelope(request), expires: '2030-01-01T00:00:00.000Z' }
    const field = `Payment ${Object.entries(parts)
      .map(([name, value]) => `${name}="${value}"`)
      .join(', ')}`
    const headers = new Headers([
      ['www-authenticate', field],
      ['www-authenticate', 'Bearer realm="other"'],
    ])
    const data = {
      httpStatus: 402,
      challenges: [{ ...challenge, expires: parts.expires }],
      problem: { title: 'T' },
    }
    expect(readPaymentRequired(headers, { title: 'T' })).toEqual({
      data,
      meta: { 'org.paymentauth/payment-required': data },
    })
    expect(Challenge.Schema.parse(data.challenges[0])).toEqual(data.challenges[0])
    expect(readPaymentRequired(new Headers(), {})).toBeNull()
  })

  it.each([
    [{ code: 'payment-required' }, -32042],
    [{ code: 'session-not-found' }, -32042],
    [
      { code: 'payment-verification-failed', type: 'https://paymentauth.org/problems/malformed-credential' },
      -32602,
    ],
    [{ code: 'insufficient-payment' }, -32043],
  ])('has the code of %o', (problem, code) => {
    expect(errorCode(problem)).toBe(code)
  })
})

it('the receipt names its challenge', () => {
  const receipt = {
    status: 'success',
    method: 'tempo',
    timestamp: '2030-01-01T00:00:00.000Z',
    reference: '0x1',
  }
  const headers = new Headers({ 'payment-receipt': encodeEnvelope(receipt) })
  expect(receiptMeta(headers, 'the-id')).toEqual({
    'org.paymentauth/receipt': { ...receipt, challengeId: 'the-id' },
  })
  expect(receiptMeta(new Headers(), 'the-id')).toEqual({})
})

describe("the client's side", () => {
  const digest = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'

  it.each([{}, { digest }, { opaque }, { digest, opaque }])(
    'echoes every challenge as it was, with %o',
    (parts) => {
      const { opaque: _, ...plain } = challenge
      const given = { ...plain, ...parts }
      const [[name, field] = ['', '']] = challengeFields({ challenges: [given] })
      expect(name).toBe('WWW-Authenticate')
      const [read] = parseChallenges(field) ?? []
      // A digest of other bytes than the client has would be taken for a fault.
      expect(read).toMatchObject({ id: 'the-id', request: encodeEnvelope(request), digest: undefined })
      const credential = `Payment ${encodeEnvelope({ challenge: { ...JSON.parse(JSON.stringify(read)) }, payload })}`
      expect(credentialMeta(new Headers({ authorization: credential }))).toEqual({
        'org.paymentauth/credential': { challenge: given, payload },
      })
    },
  )

  it('takes back the receipt that the server has written', () => {
    const meta = { 'org.paymentauth/receipt': { status: 'success', challengeId: 'the-id' } }
    expect(receiptMeta(new Headers([...receiptFields(meta)].map(([...field]) => field)), 'the-id')).toEqual(
      meta,
    )
    expect(receiptFields({})).toEqual([])
  })

  it('leaves other credentials alone', () => {
    for (const authorization of ['Bearer token', 'Payment ?', `Payment ${encodeEnvelope({ challenge: 1 })}`])
      expect(credentialMeta(new Headers({ authorization }))).toEqual({})
  })

  it('makes nothing of anything else, and never breaks a field', () => {
    expect(challengeFields({ challenges: [{ ...challenge, realm: 'зал' }] })).toEqual([])
    fc.assert(
      fc.property(fc.anything(), fc.string({ unit: 'binary' }), (value, text) => {
        expect(challengeFields(value)).toEqual([])
        const challenges = [value, { ...challenge, request: value }, { ...challenge, realm: text, id: value }]
        for (const [name, field] of challengeFields({ challenges })) new Headers({ [name]: field })
      }),
    )
  })
})
