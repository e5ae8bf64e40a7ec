import { describe, expect, it } from 'vitest'
import type { Next } from '../../src/gate/next.ts'
import type { RouteOptions } from '../../src/gate/options.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import type { Finality } from '../../src/protocols/protocol.ts'
import { codeOf, createSeller, request, SETTLED } from './scripted.ts'

type Seller = ReturnType<typeof createSeller>

const settlements = (seller: Seller): number => seller.script.calls.filter((call) => call === 'settle').length
const FAILED: Settlement = { outcome: 'failed', cause: 'insufficient_funds', detail: '' }
const LOST: Settlement = { outcome: 'unknown', transaction: '0xabc', detail: 'time-out' }

async function start(seller: Seller, route: RouteOptions, credential = 'a'): Promise<Next> {
  const outcome = await seller.coffer.handle(request(credential), route)
  if (outcome instanceof Response) throw new Error(`${outcome.status} ${await outcome.text()}`)
  return outcome
}

describe("settle: 'after'", () => {
  const route = { price: '0.01', settle: 'after' } as const

  it('works first, then moves the money, then answers', async () => {
    const seller = createSeller()
    const next = await start(seller, route)
    expect(next.isHeldBack).toBe(true)
    expect(settlements(seller)).toBe(0)
    const answer = await next.finish(new Response('work'))
    expect(settlements(seller)).toBe(1)
    expect(await answer.text()).toBe('work')
    expect(answer.headers.get('x-receipt')).toBe(next.grant.payment.paymentId)
    expect(await codeOf((await seller.coffer.handle(request('a'), route)) as Response)).toBe(
      'duplicate-payment',
    )
  })

  it('does not charge for an answer of 400 or above, and the credential is good for another try', async () => {
    const seller = createSeller()
    seller.script.reconcile = async () => ({ outcome: 'unsent', detail: 'unused' })
    const answer = await (await start(seller, route)).finish(new Response('no', { status: 422 }))
    expect(answer.status).toBe(422)
    expect(answer.headers.get('x-receipt')).toBeNull()
    expect(settlements(seller)).toBe(0)
    await (await start(seller, route)).finish(new Response('yes'))
    expect(settlements(seller)).toBe(1)
  })

  it('withholds the answer when the money does not move', async () => {
    const seller = createSeller()
    seller.script.settle = async () => FAILED
    const answer = await (await start(seller, route)).finish(new Response('work'))
    expect(answer.status).toBe(402)
    expect(answer.headers.get('x-challenge')).not.toBeNull()
    expect(await answer.json()).toMatchObject({ cause: 'insufficient_funds' })
  })

  it('withholds the answer while nobody knows, and redeems it once the chain tells', async () => {
    const seller = createSeller()
    seller.script.settle = async () => LOST
    const answer = await (await start(seller, route)).finish(new Response('work'))
    expect(await codeOf(answer)).toBe('settlement-unknown')
    seller.script.reconcile = async () => SETTLED
    const again = await (await start(seller, route)).finish(new Response('work'))
    expect(await again.text()).toBe('work')
    expect(settlements(seller)).toBe(1)
  })

  it.each([
    [
      'a stream',
      () => new Response('data: 1\n\n', { headers: { 'content-type': 'text/event-stream' } }),
      /event stream/,
    ],
    ['an answer past the limit', () => new Response(new Uint8Array(101)), /larger than 100 bytes/],
  ])('refuses %s, without a charge', async (_name, answer, message) => {
    const seller = createSeller({ results: { maxBytes: 100 } })
    await expect((await start(seller, route)).finish(answer())).rejects.toThrow(message)
    expect(settlements(seller)).toBe(0)
  })

  it('cannot let a server write its own head', async () => {
    const next = await start(createSeller(), route)
    expect(() => next.conclude(200, new Headers())).toThrow(/held back/)
    await next.abandon()
  })

  it('does not run the handler for a credential that neither paid nor verifies any more', async () => {
    const seller = createSeller()
    await (await start(seller, route)).abandon()
    const { refuse } = await import('../../src/problems/refusal.ts')
    seller.script.verify = () => refuse('challenge-expired', 'Too late.')
    seller.script.reconcile = async () => FAILED
    expect(((await seller.coffer.handle(request('a'), route)) as Response).status).toBe(402)
  })
})

describe("settle: 'background'", () => {
  const route = { price: '0.01', settle: 'background' } as const

  it('answers at once and settles from the outbox, once', async () => {
    const seller = createSeller()
    const answer = await (await start(seller, route)).finish(new Response('work'))
    expect(await answer.text()).toBe('work')
    expect(settlements(seller)).toBe(0)
    expect(await seller.coffer.tick()).toBe(1)
    expect(settlements(seller)).toBe(1)
    seller.advance(86_400_000)
    expect(await seller.coffer.tick()).toBe(0)
    expect(settlements(seller)).toBe(1)
  })

  it('may settle while the handler still works', async () => {
    const seller = createSeller()
    const next = await start(seller, route)
    await seller.coffer.tick()
    expect(await (await next.finish(new Response('work'))).text()).toBe('work')
    expect(await codeOf((await seller.coffer.handle(request('a'), route)) as Response)).toBe(
      'duplicate-payment',
    )
  })

  it('asks the chain before it settles again', async () => {
    const seller = createSeller()
    seller.script.settle = async () => LOST
    await (await start(seller, route)).finish(new Response('work'))
    await seller.coffer.tick()
    seller.script.reconcile = async () => SETTLED
    seller.advance(10_000)
    await seller.coffer.tick()
    expect(seller.script.calls).toEqual(['verify', 'settle', 'reconcile'])
  })

  it('gives no more on credit than it may: beyond it, money comes first', async () => {
    const seller = createSeller({ maxUnsettled: '0.025' })
    for (const credential of ['a', 'b', 'c'])
      await (await start(seller, route, credential)).finish(new Response(''))
    expect(settlements(seller)).toBe(1)
    await seller.coffer.tick()
    expect(settlements(seller)).toBe(3)
    await (await start(seller, route, 'd')).finish(new Response(''))
    expect(settlements(seller)).toBe(3)
  })

  it('keeps to the limit in a race', async () => {
    const seller = createSeller({ maxUnsettled: '0.05' })
    const nexts = await Promise.all(Array.from({ length: 20 }, (_, at) => start(seller, route, `c${at}`)))
    expect(20 - settlements(seller)).toBeLessThanOrEqual(5)
    for (const next of nexts) await next.finish(new Response(''))
  })

  it('keeps what failed on the books', async () => {
    const seller = createSeller()
    seller.script.settle = async () => FAILED
    await (await start(seller, route)).finish(new Response('work'))
    await seller.coffer.tick()
    const again = (await seller.coffer.handle(request('a'), route)) as Response
    expect(again.status).toBe(402)
  })
})

describe('the outbox', () => {
  const route = { price: '0.01' }

  it('finds out what became of a settlement in doubt, though the payer never comes back', async () => {
    const seller = createSeller()
    seller.script.settle = async () => LOST
    await seller.coffer.handle(request('a'), route)
    seller.advance(2000)
    await seller.coffer.tick()
    seller.script.reconcile = async () => SETTLED
    for (let at = 0; at < 3; at++) {
      seller.advance(60_000)
      await seller.coffer.tick()
    }
    expect(seller.script.calls).toEqual(['verify', 'settle', 'reconcile', 'reconcile'])
    expect((await start(seller, route)).grant.payment).toMatchObject({ redeemed: true, txHash: '0xabc' })
  })

  it('finds out what became of a settlement whose process died', async () => {
    const seller = createSeller({ handlerTimeout: 60 })
    seller.script.settle = () => new Promise(() => {})
    void seller.coffer.handle(request('a'), route)
    await new Promise((resolve) => setImmediate(resolve))
    expect(await seller.coffer.tick()).toBe(0)
    seller.advance(61_000)
    seller.script.reconcile = async () => SETTLED
    await seller.coffer.tick()
    expect((await start(seller, route)).grant.payment.redeemed).toBe(true)
  })

  it('has nothing to do for a payment that went well', async () => {
    const seller = createSeller()
    await (await start(seller, route)).finish(new Response(''))
    seller.advance(86_400_000)
    expect(await seller.coffer.tick()).toBe(0)
  })
})

describe('credit', () => {
  it('can be redeemed for as long as the configuration says', async () => {
    const route = { price: '0.01' }
    const seller = createSeller({ creditTtl: 3600 })
    await (await start(seller, route)).abandon()
    seller.advance(3_600_000)
    await (await start(seller, route)).abandon()
    seller.advance(1)
    const answer = (await seller.coffer.handle(request('a'), route)) as Response
    expect(answer.status).toBe(409)
    expect(await codeOf(answer)).toBe('credit-expired')
  })
})

describe('a settled payment on a chain that may take it back', () => {
  const route = { price: '0.01' }

  it('is watched until it is deep enough', async () => {
    const seller = createSeller()
    const answers: Finality[] = ['pending', 'pending', 'final']
    const asked: (string | null)[] = []
    seller.script.confirm = async (transaction) => {
      asked.push(transaction)
      return answers.shift() ?? 'final'
    }
    await (await start(seller, route)).finish(new Response(''))
    for (let at = 0; at < 10; at++) {
      seller.advance(30_000)
      await seller.coffer.tick()
    }
    expect(asked).toEqual(['0xabc', '0xabc', '0xabc'])
  })

  it('is in doubt again when its transaction vanishes, and settled again when it comes back', async () => {
    const seller = createSeller()
    seller.script.confirm = async () => 'vanished'
    await (await start(seller, route)).abandon()
    seller.advance(30_000)
    await seller.coffer.tick()
    expect(await codeOf((await seller.coffer.handle(request('a'), route)) as Response)).toBe(
      'settlement-unknown',
    )
    seller.script.reconcile = async () => ({ outcome: 'settled', transaction: '0xdef', block: '9' })
    expect((await start(seller, route)).grant.payment.txHash).toBe('0xdef')
    expect(settlements(seller)).toBe(1)
  })
})
