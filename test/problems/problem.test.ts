import { describe, expect, it } from 'vitest'
import { toResponse } from '../../src/lib/message.ts'
import { catalog, type Reason } from '../../src/problems/catalog.ts'
import { problemAnswer, problemDetails, problemResponse } from '../../src/problems/problem.ts'
import { isRefusal, refuse } from '../../src/problems/refusal.ts'

const BASE = 'https://example.com/problems'
const reasons = Object.keys(catalog) as Reason[]

describe('the catalog', () => {
  it.each(reasons)('has a slug, a status and a title for %s', (reason) => {
    const row = catalog[reason]
    expect(row.slug).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(row.title).not.toBe('')
  })

  it('never asks for another payment where money moved or may have moved', () => {
    for (const reason of reasons) {
      if (catalog[reason].charged !== false) expect(catalog[reason].status, reason).not.toBe(402)
    }
  })
})

describe('problemDetails (RFC 9457)', () => {
  it('has what a client switches on', () => {
    const refusal = refuse('duplicate-payment', 'The credential was used.')
    expect(problemDetails(refusal, BASE)).toEqual({
      type: `${BASE}/duplicate-payment`,
      title: 'Duplicate Payment',
      status: 409,
      detail: 'The credential was used.',
      code: 'duplicate-payment',
      retryable: false,
      charged: true,
    })
  })

  it("takes the Payment scheme's type where there is one", () => {
    const { type, code } = problemDetails(refuse('insufficient-payment', ''), BASE)
    expect(type).toBe('https://paymentauth.org/problems/payment-insufficient')
    expect(code).toBe('insufficient-payment')
  })

  it('says what was expected and what came, in the words of the protocol too', () => {
    const refusal = refuse('verification-failed', 'No.', { expected: '1', got: '2', cause: 'invalid_amount' })
    expect(problemDetails(refusal, BASE)).toMatchObject({ expected: '1', got: '2', cause: 'invalid_amount' })
  })

  it('does not let an extension replace a standard member', () => {
    const members = { status: 200, type: 'x', code: 'x', charged: 'x', accepts: [] }
    const details = problemDetails(refuse('payment-required', 'Pay.'), BASE, members)
    expect(details).toMatchObject({ status: 402, code: 'payment-required', charged: false, accepts: [] })
    expect(details['type']).toContain('payment-required')
  })
})

describe('problemResponse', () => {
  it.each(reasons)('answers %s with its status and its problem, never cached', async (reason) => {
    const response = problemResponse(refuse(reason, 'Why.'), BASE)
    expect(response.status).toBe(catalog[reason].status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.has('retry-after')).toBe(false)
    expect(await response.json()).toMatchObject({ status: response.status, detail: 'Why.' })
  })

  it('appends header fields, so that a name can stand several times', () => {
    const fields = [
      ['WWW-Authenticate', 'Payment id="1"'],
      ['WWW-Authenticate', 'Payment id="2"'],
    ] as const
    const response = toResponse(problemAnswer(refuse('payment-required', 'Pay.'), BASE, { fields }))
    expect(response.headers.get('www-authenticate')).toBe('Payment id="1", Payment id="2"')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('says when to come back', () => {
    const response = problemResponse(refuse('payment-in-flight', 'Wait.', { retryAfter: 2 }), BASE)
    expect(response.headers.get('retry-after')).toBe('2')
  })

  it('carries text of any script in its body', async () => {
    const response = problemResponse(refuse('bad-request', '名前 😀'), BASE)
    expect((await response.json()).detail).toBe('名前 😀')
  })
})

describe('isRefusal', () => {
  it('tells a refusal from everything else', () => {
    expect(isRefusal(refuse('bad-request', ''))).toBe(true)
    for (const value of [null, undefined, 'refusal', [], {}, { kind: 'other' }]) {
      expect(isRefusal(value)).toBe(false)
    }
  })
})
