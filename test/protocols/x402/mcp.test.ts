import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRefusal } from '../../../src/problems/refusal.ts'
import { readCredential } from '../../../src/protocols/x402/credential.ts'
import { encodeEnvelope } from '../../../src/protocols/x402/envelope.ts'
import {
  credentialField,
  credentialMeta,
  readPaymentRequired,
  receiptFields,
  receiptMeta,
  toRequiredParts,
} from '../../../src/protocols/x402/mcp.ts'

const fieldOf = (payment: unknown) => credentialField({ 'x402/payment': payment })

const isThere = (value: unknown): boolean => value !== null && value !== undefined

describe('the payment of a call', () => {
  it('is the field of its version, whichever way it is written', () => {
    const v2 = { x402Version: 2, payload: { a: 1, b: '2' }, accepted: {} }
    const [name, text] = fieldOf(v2) ?? []
    expect([name, JSON.parse(atob(text ?? ''))]).toEqual(['PAYMENT-SIGNATURE', v2])
    expect(fieldOf({ accepted: {}, payload: { b: '2', a: 1 }, x402Version: 2 })).toEqual([name, text])
    expect(fieldOf(encodeEnvelope(v2))).toEqual([name, encodeEnvelope(v2)])
    expect(fieldOf({ ...v2, x402Version: 1 })?.[0]).toBe('X-PAYMENT')
    expect(fieldOf('stub_1')).toEqual(['X-PAYMENT', 'stub_1'])
    for (const meta of [{}, { 'x402/payment': null }, { 'x402/payment': undefined }])
      expect(credentialField(meta)).toBeNull()
  })

  it('is refused when it is none, and never breaks a field', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true }).filter(isThere), (payment) => {
        const field = fieldOf(payment)
        const credential = readCredential(new Headers([[...(field ?? ['', ''])]]))
        if (credential !== null) expect(isRefusal(credential)).toBe(true)
      }),
    )
  })
})

describe('what an unpaid call is told', () => {
  const required = {
    x402Version: 2,
    resource: { url: 'https://a.test/x', description: 'X' },
    accepts: [{ amount: '1' }],
  }
  const headers = new Headers({ 'payment-required': encodeEnvelope(required) })
  const body = { x402Version: 1, error: 'why', accepts: [{ resource: 'https://a.test/x' }], title: 'T' }

  it('names the tool in both versions', () => {
    const v2 = { ...required, resource: { url: 'mcp://tool/x', description: 'X' } }
    const v1 = { x402Version: 1, error: 'why', accepts: [{ resource: 'mcp://tool/x' }] }
    const meta = { 'x402/error': { ...v2, accepts: [...v2.accepts, ...v1.accepts] } }
    expect(readPaymentRequired(headers, body, 'mcp://tool/x')).toEqual({ v2, v1, meta })
  })

  it('is nothing where nothing of x402 is offered', () => {
    expect(readPaymentRequired(new Headers(), body, 'mcp://tool/x')).toBeNull()
  })
})

it('the receipt of either version has one key', () => {
  const receipt = { success: true, transaction: '0x1' }
  for (const name of ['payment-response', 'x-payment-response'])
    expect(receiptMeta(new Headers({ [name]: encodeEnvelope(receipt) }))).toEqual({
      'x402/payment-response': receipt,
    })
  expect(receiptMeta(new Headers())).toEqual({})
})

describe("the client's side", () => {
  it('takes back what the server has written', () => {
    for (const x402Version of [1, 2]) {
      const payment = { x402Version, payload: { a: 1 } }
      const [name = '', text = ''] = fieldOf(payment) ?? []
      expect(credentialMeta(new Headers({ [name]: text }))).toEqual({ 'x402/payment': payment })
    }
    const meta = { 'x402/payment-response': { success: true } }
    expect(receiptMeta(new Headers([...receiptFields(meta)].map(([...field]) => field)))).toEqual(meta)
    expect([credentialMeta(new Headers()), receiptFields({})]).toEqual([{}, []])
  })

  it('reads what is asked for wherever it has stood, without the URL of the tool', () => {
    const v2 = {
      x402Version: 2,
      resource: { url: 'mcp://tool/x', description: 'X' },
      accepts: [{ amount: '1' }],
    }
    const field = encodeEnvelope({ ...v2, resource: { description: 'X' } })
    const wrapped = { 'x402/error': { code: 402, message: 'pay', data: v2 } }
    for (const value of [v2, wrapped, { x402: v2, challenges: [] }])
      expect(toRequiredParts(value)).toEqual({ headers: [['PAYMENT-REQUIRED', field]], members: {} })
    const v1 = { x402Version: 1, error: 'why', accepts: [{ resource: 'mcp://tool/x', payTo: '0x1' }] }
    const accepts = [{ resource: null, payTo: '0x1' }]
    expect(toRequiredParts(v1)).toEqual({ headers: [], members: { ...v1, accepts } })
  })

  it('makes nothing of anything else', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(toRequiredParts(value)).toBeNull()
        expect(toRequiredParts({ accepts: value, x402Version: value })?.headers.length ?? 0).toBeLessThan(2)
      }),
    )
  })
})
