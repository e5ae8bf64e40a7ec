import { describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import { memory } from '../../src/stores/memory.ts'
import { webhooks } from '../../src/webhooks.ts'
import { createSeller, request, SETTLED } from '../gate/scripted.ts'
import { createHookedSeller, granted } from './hooked.ts'

const ROUTE = { price: '0.01' }
const UNKNOWN: Settlement = { outcome: 'unknown', transaction: '0xabc', detail: 'The node did not answer.' }
const HOUR = 3_600_000

describe('hooks are told of a payment', () => {
  it('that comes, settles and is delivered; of the request that asked first, too', async () => {
    const seller = createHookedSeller()
    await seller.ask(null, ROUTE)
    const next = granted(
      await seller.coffer.handle(request('a', 'https://api.test/report?key=of-the-payer'), ROUTE),
    )
    await next.finish(new Response(''))
    expect(seller.told).toEqual([
      {
        type: 'request.refused',
        at: seller.now(),
        route: 'GET /report',
        reason: 'payment-required',
        status: 402,
        cause: null,
      },
      ...(['received', 'settled', 'delivered'] as const).map((what) => ({
        type: `payment.${what}`,
        at: seller.now(),
        payment: expect.objectContaining({
          id: next.grant.payment.paymentId,
          amount: '0.01',
          route: 'GET /report',
          status: what === 'received' ? 'claimed' : 'settled',
          delivery: what === 'delivered' ? 'delivered' : 'owed',
          txHash: what === 'received' ? null : '0xabc',
        }),
        detail: null,
      })),
    ])
  })

  it('that fails, with the reason', async () => {
    const seller = createHookedSeller()
    seller.script.settle = async () => ({
      outcome: 'failed',
      cause: 'insufficient_funds',
      detail: 'Too little.',
    })
    await seller.ask('a', ROUTE)
    expect(seller.told[1]).toMatchObject({
      type: 'payment.failed',
      payment: { status: 'failed', cause: 'insufficient_funds' },
      detail: 'Too little.',
    })
    expect(seller.news()).toEqual(['payment.received', 'payment.failed', 'request.refused'])
  })

  it('that is in doubt, once, until the chain tells', async () => {
    const seller = createHookedSeller()
    seller.script.settle = async () => UNKNOWN
    await seller.ask('a', ROUTE)
    expect(seller.told[1]).toMatchObject({ type: 'payment.unknown', detail: 'The node did not answer.' })
    expect(seller.news()).toEqual(['payment.received', 'payment.unknown', 'request.refused'])
    for (let tries = 0; tries < 3; tries++) {
      seller.advance(60_000)
      await seller.work()
    }
    expect(seller.news()).toEqual([])
    seller.script.reconcile = async () => SETTLED
    seller.advance(60_000)
    await seller.work()
    expect(seller.news()).toEqual(['payment.settled'])
  })

  it('whose credential comes back', async () => {
    const seller = createHookedSeller()
    await granted(await seller.ask('a', ROUTE)).finish(new Response('', { status: 500 }))
    expect(seller.news()).toEqual(['payment.received', 'payment.settled', 'payment.owed'])
    await granted(await seller.ask('a', ROUTE)).abandon()
    expect(seller.news()).toEqual(['payment.resumed', 'payment.abandoned'])
    await granted(await seller.ask('a', ROUTE)).finish(new Response(''))
    expect(seller.news()).toEqual(['payment.resumed', 'payment.delivered'])
    await seller.ask('a', ROUTE)
    expect(seller.told).toMatchObject([{ type: 'request.refused', reason: 'duplicate-payment', status: 409 }])
  })

  it('whose body breaks off', async () => {
    const seller = createHookedSeller()
    const next = granted(await seller.ask('a', ROUTE, { 'idempotency-key': 'a-key-of-the-payer' }))
    const broken = new ReadableStream({
      pull(controller) {
        controller.error(new Error('the handler broke'))
      },
    })
    await (await next.finish(new Response(broken))).text().catch(() => {})
    expect(seller.news()).toEqual(['payment.received', 'payment.settled', 'payment.abandoned'])
  })

  it('whose answer is brought back', async () => {
    const seller = createHookedSeller()
    const key = { 'idempotency-key': 'a-key-of-the-payer' }
    await (await granted(await seller.ask('a', ROUTE, key)).finish(new Response('text'))).text()
    seller.news()
    expect(await ((await seller.ask('a', ROUTE, key)) as Response).text()).toBe('text')
    expect(seller.news()).toEqual(['payment.replayed'])
  })

  it('that settles after the answer, or is not charged for a bad one', async () => {
    const seller = createHookedSeller()
    const route = { ...ROUTE, settle: 'after' } as const
    await granted(await seller.ask('a', route)).finish(new Response(''))
    expect(seller.news()).toEqual(['payment.received', 'payment.settled', 'payment.delivered'])
    await granted(await seller.ask('b', route)).finish(new Response('', { status: 400 }))
    expect(seller.told.at(-1)).toMatchObject({ type: 'payment.owed', payment: { status: 'claimed' } })
    expect(seller.news()).toEqual(['payment.received', 'payment.owed'])
  })

  it('that settles in the background, and opens its session before', async () => {
    const seller = createHookedSeller()
    const route = { ...ROUTE, settle: 'background', acceptSessions: true } as const
    await granted(await seller.ask('a', route)).finish(new Response(''))
    expect(seller.news()).toEqual(['payment.received', 'session.created', 'payment.delivered'])
    await seller.work()
    expect(seller.news()).toEqual(['payment.settled'])

    seller.script.settle = async () => ({ outcome: 'failed', cause: 'insufficient_funds', detail: '' })
    await granted(await seller.ask('b', route)).finish(new Response(''))
    seller.news()
    await seller.work()
    expect(seller.news()).toEqual(['payment.failed', 'session.revoked'])
  })

  it('that vanishes from the chain', async () => {
    const seller = createHookedSeller()
    seller.script.confirm = async () => 'vanished'
    await granted(await seller.ask('a', ROUTE)).finish(new Response(''))
    seller.news()
    seller.advance(30_000)
    await seller.work()
    expect(seller.told).toMatchObject([
      { type: 'payment.vanished', payment: { status: 'unknown', cause: 'transaction_vanished' } },
    ])
  })
})

describe('hooks are told of', () => {
  it('a session, and of its end, but never of its id', async () => {
    const seller = createHookedSeller()
    const route = { ...ROUTE, acceptSessions: true, sessionTtl: 60 }
    const answer = await granted(await seller.ask('a', route)).finish(new Response(''))
    const id = answer.headers.get('x-prudra-session-id') ?? ''
    const revoked = await Promise.all([1, 2].map(() => seller.coffer.sessions.revoke(id)))
    expect(revoked.sort()).toEqual([false, true])
    const sessions = seller.told.filter(({ type }) => type.startsWith('session.'))
    const session = { paymentId: expect.stringMatching(/^pay_/), payer: seller.script.payer, wallet: 'main' }
    const expiresAt = seller.now() + 60_000
    expect(sessions).toMatchObject([
      { type: 'session.created', session: { ...session, expiresAt } },
      { type: 'session.revoked', session: { ...session, expiresAt } },
    ])
    expect(JSON.stringify(seller.told)).not.toContain(id.slice(5))
  })

  it('the end of a session that is in use all the time', async () => {
    const inner = memory()
    const store = {
      ...inner,
      commit: async (writes: Parameters<typeof inner.commit>[0]) =>
        writes.some(({ key, value, if: condition }) => key.startsWith('session/') && !value && condition)
          ? null
          : inner.commit(writes),
    }
    const seller = createHookedSeller({ store })
    const answer = await granted(await seller.ask('a', { ...ROUTE, acceptSessions: true })).finish(
      new Response(''),
    )
    const id = answer.headers.get('x-prudra-session-id') ?? ''
    expect(await seller.coffer.sessions.revoke(id)).toBe(true)
    expect(await seller.coffer.sessions.get(id)).toBeNull()
    expect(seller.news().filter((type) => type === 'session.revoked')).toHaveLength(1)
  })

  it('a vault, through all its life', async () => {
    const seller = createHookedSeller({ vaults: { blobs: memoryBlobs() } })
    const next = granted(await seller.ask('a', { ...ROUTE, vault: true }))
    const { vault } = next.grant
    expect(seller.told.at(-1)).toMatchObject({
      type: 'vault.created',
      vault: { id: vault?.id, paymentId: next.grant.payment.paymentId },
    })
    await vault?.extend(2)
    await vault?.emit('agent.step', { secret: 'of the seller' })
    await vault?.addDocument({ secret: 'of the seller' })
    seller.advance(HOUR + 1)
    await seller.work()
    await vault?.seal('done')
    await vault?.persist()
    await vault?.delete()
    const types = ['created', 'extended', 'expiring', 'sealed', 'persisted', 'deleted'].map(
      (what) => `vault.${what}`,
    )
    expect(seller.told.map(({ type }) => type).filter((type) => type.startsWith('vault.'))).toEqual(types)
    expect(seller.told.at(-1)).toMatchObject({ vault: { id: vault?.id, expiresAt: null } })

    seller.news()
    await seller.coffer.vaults?.create({ ttlHours: 1 })
    seller.advance(2 * HOUR)
    await seller.work()
    expect(seller.news()).toEqual(['vault.created', 'vault.expired'])
    expect(JSON.stringify(seller.told)).not.toContain('of the seller')
  })

  it('messages to endpoints', async () => {
    const statuses = [500, 204]
    const send = async () => new Response(null, { status: statuses.shift() ?? 410 })
    const seller = createHookedSeller({ webhooks: webhooks({ send }) })
    const url = 'https://seller.test/hooks?token=of-the-endpoint'
    const endpoint = await seller.coffer.webhooks?.create({ url, events: ['payment.settled'] })
    await seller.ask('a', ROUTE)
    seller.news()
    await seller.work()
    expect(seller.told).toMatchObject([
      {
        type: 'webhook.failed',
        delivery: { endpoint: endpoint?.id, event: 'payment.settled', status: 500, error: null },
      },
    ])
    seller.advance(HOUR)
    await seller.work()
    await seller.ask('b', ROUTE)
    await seller.work()
    const types = seller.told.map(({ type }) => type).filter((type) => type.startsWith('webhook.'))
    expect(types).toEqual(['webhook.failed', 'webhook.delivered', 'webhook.dead'])
    expect(JSON.stringify(seller.told)).not.toContain('of-the-endpoint')
  })

  it('a promise that was tried in vain', async () => {
    const seller = createHookedSeller()
    seller.script.settle = async () => UNKNOWN
    await seller.ask('a', ROUTE)
    for (let tries = 0; tries < 40; tries++) {
      seller.advance(HOUR)
      await seller.work()
    }
    expect(seller.told.filter(({ type }) => type === 'job.dead')).toMatchObject([
      {
        job: {
          id: expect.stringMatching(/^reconcile:pay_/),
          kind: 'reconcile',
          attempts: 30,
          error: 'no answer',
        },
      },
    ])
  })

  it('a client that asks too often, by that name', async () => {
    const seller = createHookedSeller({ challengeLimit: { max: 1 } })
    const ask = () => seller.coffer.handle(request(null), ROUTE, { address: '192.0.2.1' })
    await ask()
    await ask()
    expect(seller.told).toMatchObject([
      { reason: 'payment-required', status: 402 },
      { reason: 'rate-limit-exceeded', status: 429 },
    ])
  })
})

describe('what hooks are told', () => {
  it('is told once, by one of two processes that share a store', async () => {
    const now = Date.UTC(2030, 0, 1)
    const store = memory({ clock: () => now })
    const [one, other] = [createHookedSeller({ store }), createHookedSeller({ store })]
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, at) => (at % 2 ? one : other).ask('a', ROUTE)),
    )
    const next = outcomes.find((outcome) => !(outcome instanceof Response))
    await granted(next ?? new Response()).finish(new Response(''))
    const types = [...one.told, ...other.told].map(({ type }) => type)
    expect(types.filter((type) => type !== 'request.refused').sort()).toEqual([
      'payment.delivered',
      'payment.received',
      'payment.settled',
    ])
    expect(types.filter((type) => type === 'request.refused')).toHaveLength(49)
  })

  it('is told when it is true, and not when the store does not know', async () => {
    const inner = memory()
    const said: string[] = []
    let fails = false
    const store = {
      ...inner,
      async commit(writes: Parameters<typeof inner.commit>[0]) {
        expect(writes.every(({ key }) => !key.startsWith('hook/'))).toBe(true)
        const version = await inner.commit(writes)
        said.push('committed')
        if (fails) throw new Error('the store broke')
        return version
      },
    }
    const seller = createHookedSeller({ store, hooks: { '*': ({ type }) => said.push(type) } })
    const next = granted(await seller.ask('a', ROUTE))
    expect(said).toEqual(['committed', 'payment.received', 'committed', 'payment.settled'])
    fails = true
    await next.finish(new Response(''))
    expect(said.slice(4)).toEqual(['committed'])
    expect(seller.errors).toMatchObject([{ message: 'the store broke' }])
  })

  it('is nothing, and nothing is gathered, when nobody asks', async () => {
    const inner = memory()
    const keys: string[] = []
    const store = {
      ...inner,
      commit(writes: Parameters<typeof inner.commit>[0]) {
        keys.push(...writes.map(({ key }) => key))
        return inner.commit(writes)
      },
    }
    const { coffer } = createSeller({ store })
    await granted(await coffer.handle(request('a'), ROUTE)).finish(new Response(''))
    expect(keys.filter((key) => key.startsWith('hook'))).toEqual([])
  })
})
