import { describe, expect, it } from 'vitest'
import type { Next } from '../../src/gate/next.ts'
import { CofferError } from '../../src/problems/error.ts'
import { refuse } from '../../src/problems/refusal.ts'
import { memory } from '../../src/stores/memory.ts'
import { codeOf, createSeller, request, SETTLED } from './scripted.ts'

const ROUTE = { price: '0.01' }

type Answer = Response | Next
const isNext = (answer: Answer): answer is Next => !(answer instanceof Response)

function next(answer: Answer): Next {
  if (!isNext(answer)) throw new Error(`expected Next, got ${answer.status}`)
  return answer
}

function response(answer: Answer): Response {
  if (isNext(answer)) throw new Error('expected a Response, got Next')
  return answer
}

describe('an unpaid request', () => {
  it('gets a 402 that is a problem, is never cached, and charges nothing (case 23)', async () => {
    const { coffer, script } = createSeller()
    const answer = response(await coffer.handle(request(null), ROUTE))
    expect(answer.status).toBe(402)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('x-challenge')).toBe('GET /report')
    expect(await answer.json()).toMatchObject({
      type: 'https://paymentauth.org/problems/payment-required',
      title: 'Payment Required',
      status: 402,
      code: 'payment-required',
      charged: false,
    })
    expect(script.calls).toEqual([])
  })

  it('with HEAD is priced as GET', async () => {
    const { coffer } = createSeller()
    const answer = response(await coffer.handle(request(null, undefined, { method: 'HEAD' }), ROUTE))
    expect(answer.status).toBe(402)
    expect(answer.headers.get('x-challenge')).toBe('GET /report')
  })
})

describe('a credential', () => {
  it('is verified, claimed and settled before the handler runs, and buys one answer', async () => {
    const { coffer, script } = createSeller()
    const paid = next(await coffer.handle(request('a'), ROUTE))
    expect(script.calls).toEqual(['verify', 'settle'])
    expect(paid.grant).toMatchObject({
      payment: { protocol: 'x402', method: 'exact', amount: '0.01', txHash: '0xabc', redeemed: false },
      wallet: { id: 'main', chain: 'eip155:1' },
    })
    const answer = await paid.finish(new Response('report'))
    expect(await answer.text()).toBe('report')
    expect(answer.headers.get('x-receipt')).toBe(paid.grant.payment.paymentId)

    const replay = response(await coffer.handle(request('a'), ROUTE))
    expect(replay.status).toBe(409)
    expect(replay.headers.get('x-challenge')).toBeNull()
    expect(await codeOf(replay)).toBe('duplicate-payment')
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })

  it('sent fifty times at once is settled once and runs one handler (case 1)', async () => {
    const { coffer, script } = createSeller()
    const answers = await Promise.all(Array.from({ length: 50 }, () => coffer.handle(request('a'), ROUTE)))
    expect(answers.filter(isNext)).toHaveLength(1)
    const codes = await Promise.all(
      answers.filter((answer) => !isNext(answer)).map((answer) => codeOf(response(answer))),
    )
    expect(new Set(codes)).toEqual(new Set(['payment-in-flight']))
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })

  it('is good for one route: the first that it was used on (case 8)', async () => {
    const { coffer, script } = createSeller()
    await next(await coffer.handle(request('a'), ROUTE)).abandon()
    for (const [url, method] of [
      ['https://api.test/other', 'GET'],
      ['https://api.test/report', 'POST'],
      ['https://api.test/report?page=2', 'GET'],
    ] as const) {
      const answer = response(await coffer.handle(request('a', url, { method }), ROUTE))
      expect(answer.status).toBe(409)
    }
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })

  it('whose proof another credential spent is refused', async () => {
    const { coffer, script } = createSeller()
    script.proof = () => 'one and the same'
    await next(await coffer.handle(request('a'), ROUTE)).finish(new Response())
    const answer = response(await coffer.handle(request('b'), ROUTE))
    expect(await codeOf(answer)).toBe('duplicate-payment')
  })

  it('that is refused gets the reason and fresh challenges', async () => {
    const { coffer, script } = createSeller()
    script.verify = () => refuse('insufficient-payment', 'Too little.', { expected: '10000', got: '1' })
    const answer = response(await coffer.handle(request('a'), ROUTE))
    expect(answer.status).toBe(402)
    expect(answer.headers.get('x-challenge')).toBe('GET /report')
    expect(await answer.json()).toMatchObject({ code: 'insufficient-payment', expected: '10000', got: '1' })
    expect(script.calls).toEqual(['verify'])
  })

  it('whose verification throws lets nobody in and claims nothing', async () => {
    const { coffer, script } = createSeller()
    script.verify = () => {
      throw new Error('bug')
    }
    await expect(coffer.handle(request('a'), ROUTE)).rejects.toThrow('bug')
    script.verify = () => null
    expect(isNext(await coffer.handle(request('a'), ROUTE))).toBe(true)
  })
})

describe('what is paid for', () => {
  it.each([400, 404, 500, 503])(
    'stays owed after an answer of %i: the same credential redeems it (case 12)',
    async (status) => {
      const { coffer, script } = createSeller()
      const failed = await next(await coffer.handle(request('a'), ROUTE)).finish(
        new Response('no', { status }),
      )
      expect(failed.status).toBe(status)
      expect(failed.headers.get('x-receipt')).toBeNull()

      const again = next(await coffer.handle(request('a'), ROUTE))
      expect(again.grant.payment.redeemed).toBe(true)
      expect((await again.finish(new Response('yes'))).headers.get('x-receipt')).not.toBeNull()
      expect(await codeOf(response(await coffer.handle(request('a'), ROUTE)))).toBe('duplicate-payment')
      expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
    },
  )

  it('stays owed when the handler throws (case 12)', async () => {
    const { coffer } = createSeller()
    await next(await coffer.handle(request('a'), ROUTE)).abandon()
    expect(next(await coffer.handle(request('a'), ROUTE)).grant.payment.redeemed).toBe(true)
  })

  it.each<[string, () => Promise<Response>]>([
    [
      'was read before',
      async () => {
        const used = new Response('once')
        await used.text()
        return used
      },
    ],
    [
      'somebody else reads',
      async () => {
        const locked = new Response('once')
        locked.body?.getReader()
        return locked
      },
    ],
    ['stands for a network error', async () => Response.error()],
  ])('stays owed when the handler answers with a response that %s', async (_what, answer) => {
    for (const settle of ['before', 'after', 'background'] as const) {
      for (const headers of [{}, { 'idempotency-key': 'key' }]) {
        const seller = createSeller()
        seller.script.reconcile = async () => ({ outcome: 'unsent', detail: '' })
        const route = { ...ROUTE, settle }
        const start = async () =>
          next(await seller.coffer.handle(request('a', undefined, { headers }), route))
        await expect((await start()).finish(await answer())).rejects.toMatchObject({ code: 'invalid-state' })
        expect((await (await start()).finish(new Response('paid'))).status).toBe(200)
        const settlements = seller.script.calls.filter((call) => call === 'settle')
        expect(settlements).toHaveLength(settle === 'background' ? 0 : 1)
      }
    }
  })

  it('is owed again when the process died in the handler', async () => {
    const { coffer, advance } = createSeller({ handlerTimeout: 60 })
    next(await coffer.handle(request('a'), ROUTE))
    advance(59_000)
    const early = response(await coffer.handle(request('a'), ROUTE))
    expect(early.headers.get('retry-after')).toBe('1')
    expect(await codeOf(early)).toBe('payment-in-flight')
    advance(2000)
    expect(next(await coffer.handle(request('a'), ROUTE)).grant.payment.redeemed).toBe(true)
  })

  it('is redeemed by one of fifty that come back at once', async () => {
    const { coffer } = createSeller()
    await next(await coffer.handle(request('a'), ROUTE)).abandon()
    const answers = await Promise.all(Array.from({ length: 50 }, () => coffer.handle(request('a'), ROUTE)))
    expect(answers.filter(isNext)).toHaveLength(1)
  })

  it('is redeemed even when the credential would not verify any more', async () => {
    const { coffer, script } = createSeller()
    await next(await coffer.handle(request('a'), ROUTE)).abandon()
    script.verify = () => refuse('challenge-expired', 'Too late.')
    expect(next(await coffer.handle(request('a'), ROUTE)).grant.payment.redeemed).toBe(true)
    expect(response(await coffer.handle(request('b'), ROUTE)).status).toBe(402)
  })

  it('is not delivered twice: a handler that outlived its lease is withheld', async () => {
    const { coffer, advance } = createSeller({ handlerTimeout: 60 })
    const slow = next(await coffer.handle(request('a'), ROUTE))
    advance(61_000)
    const fast = next(await coffer.handle(request('a'), ROUTE))
    const [late, intime] = [
      await slow.finish(new Response('late')),
      await fast.finish(new Response('in time')),
    ]
    expect(late.status).toBe(409)
    expect(await intime.text()).toBe('in time')
  })
})

describe('a settlement', () => {
  it('that fails is a 402 with its cause, and stays failed', async () => {
    const { coffer, script } = createSeller()
    script.settle = async () => ({ outcome: 'failed', cause: 'insufficient_funds', detail: 'empty' })
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = response(await coffer.handle(request('a'), ROUTE))
      expect(answer.status).toBe(402)
      expect(await answer.json()).toMatchObject({
        code: 'payment-verification-failed',
        cause: 'insufficient_funds',
      })
    }
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })

  it.each([
    ['ends unknown', async () => ({ outcome: 'unknown', transaction: '0xabc', detail: 'time-out' }) as const],
    ['throws', () => Promise.reject(new Error('connection lost'))],
  ])('that %s is never a 402: the same credential works once the chain has told', async (_name, settle) => {
    const { coffer, script } = createSeller()
    script.settle = settle
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = response(await coffer.handle(request('a'), ROUTE))
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).not.toBeNull()
      expect(answer.headers.get('x-challenge')).toBeNull()
      expect(await codeOf(answer)).toBe('settlement-unknown')
    }
    script.reconcile = async () => SETTLED
    const paid = next(await coffer.handle(request('a'), ROUTE))
    expect(paid.grant.payment.txHash).toBe('0xabc')
    await paid.finish(new Response())
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })

  it('that the chain does not know of is made again, once, by one of many', async () => {
    const { coffer, script } = createSeller()
    script.settle = () => Promise.reject(new Error('connection lost'))
    await coffer.handle(request('a'), ROUTE)
    script.reconcile = async () => ({ outcome: 'unsent', detail: 'the authorization is unused' })
    script.settle = async () => SETTLED
    const answers = await Promise.all(Array.from({ length: 20 }, () => coffer.handle(request('a'), ROUTE)))
    expect(answers.filter(isNext)).toHaveLength(1)
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(2)
  })

  it('that could not be started is a 503 that says so, and the same credential settles later', async () => {
    const { coffer, script } = createSeller()
    script.settle = async () => ({ outcome: 'unsent', detail: 'no RPC' })
    script.reconcile = async () => ({ outcome: 'unsent', detail: 'unused' })
    const answer = response(await coffer.handle(request('a'), ROUTE))
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: 'settlement-unavailable', charged: false })
    script.settle = async () => SETTLED
    expect(isNext(await coffer.handle(request('a'), ROUTE))).toBe(true)
  })

  it('whose process died is reconciled after the lease, not repeated', async () => {
    const { coffer, script, advance } = createSeller({ handlerTimeout: 60 })
    script.settle = () => new Promise(() => {})
    void coffer.handle(request('a'), ROUTE)
    await new Promise((resolve) => setImmediate(resolve))
    expect(await codeOf(response(await coffer.handle(request('a'), ROUTE)))).toBe('payment-in-flight')
    advance(61_000)
    script.reconcile = async () => SETTLED
    expect(isNext(await coffer.handle(request('a'), ROUTE))).toBe(true)
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })
})

describe('a store that fails', () => {
  const failing = (failures: number[]) => {
    const inner = memory()
    let commits = 0
    return {
      ...inner,
      commit: (writes: Parameters<typeof inner.commit>[0]) => {
        if (failures.includes(++commits)) return Promise.reject(new CofferError('store-failed', 'disk full'))
        return inner.commit(writes)
      },
    }
  }

  it('before the claim moves no money', async () => {
    const { coffer, script } = createSeller({ store: failing([1]) })
    await expect(coffer.handle(request('a'), ROUTE)).rejects.toMatchObject({ code: 'store-failed' })
    expect(script.calls).toEqual(['verify'])
    expect(isNext(await coffer.handle(request('a'), ROUTE))).toBe(true)
  })

  it('after the money moved loses nothing: the chain is asked when the payer comes back', async () => {
    const { coffer, script, advance } = createSeller({ store: failing([2]), handlerTimeout: 60 })
    await expect(coffer.handle(request('a'), ROUTE)).rejects.toMatchObject({ code: 'store-failed' })
    advance(61_000)
    script.reconcile = async () => SETTLED
    expect(isNext(await coffer.handle(request('a'), ROUTE))).toBe(true)
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })

  it('at delivery does not cost the payer the answer, and tells the operator', async () => {
    const errors: unknown[] = []
    const { coffer } = createSeller({ store: failing([3]), onError: (error) => errors.push(error) })
    const answer = await next(await coffer.handle(request('a'), ROUTE)).finish(new Response('report'))
    expect(await answer.text()).toBe('report')
    expect(errors).toMatchObject([{ code: 'store-failed' }])
  })
})

describe('a request that is concluded', () => {
  it('twice is a mistake of the server', async () => {
    const { coffer } = createSeller()
    const paid = next(await coffer.handle(request('a'), ROUTE))
    await paid.finish(new Response())
    await expect(paid.finish(new Response())).rejects.toMatchObject({ code: 'invalid-state' })
  })
})
