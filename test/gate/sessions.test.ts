import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import type { Next } from '../../src/gate/next.ts'
import type { CofferOptions, RouteOptions } from '../../src/gate/options.ts'
import { memory } from '../../src/stores/memory.ts'
import { codeOf, createSeller, request, SETTLED } from './scripted.ts'

type Seller = ReturnType<typeof createSeller>

const HEADER = 'x-prudra-session-id'
const ROUTE = { price: '0.01', acceptSessions: true } as const

async function pay(seller: Seller, route: RouteOptions = ROUTE, credential = 'a'): Promise<Response> {
  const next = (await seller.coffer.handle(request(credential), route)) as Next
  return next.finish(new Response('paid'))
}

/** Sends a session id, and nothing else. */
const visit = (seller: Seller, id: string, route: RouteOptions = ROUTE, headers: HeadersInit = {}) =>
  seller.coffer.handle(request(null, undefined, { headers: { [HEADER]: id, ...headers } }), route)

async function open(seller: Seller, route: RouteOptions = ROUTE): Promise<string> {
  return (await pay(seller, route)).headers.get(HEADER) ?? ''
}

describe('a payment on a route that accepts sessions', () => {
  it('opens one, whose id goes with the first answer', async () => {
    const seller = createSeller()
    const next = (await seller.coffer.handle(request('a'), ROUTE)) as Next
    const answer = await next.finish(new Response('paid'))
    const id = answer.headers.get(HEADER)
    expect(id).toMatch(/^sess_[A-Za-z0-9_-]{43}$/)
    expect(next.grant.session).toEqual({ id, expiresAt: seller.now() + 86_400_000 })
    expect(answer.headers.get('access-control-expose-headers')?.toLowerCase()).toContain(HEADER)
  })

  it('opens none elsewhere', async () => {
    expect((await pay(createSeller(), { price: '0.01' })).headers.get(HEADER)).toBeNull()
  })

  it.each<[string, Partial<RouteOptions>]>([
    ['after the handler', { settle: 'after' }],
    ['in the background', { settle: 'background' }],
  ])('opens one when the money moves %s', async (_name, options) => {
    const seller = createSeller()
    const id = await open(seller, { ...ROUTE, ...options })
    await seller.coffer.tick()
    expect(await visit(seller, id)).not.toBeInstanceOf(Response)
  })

  it('opens the same one when its answer is redeemed, or brought back, also after the secret was rotated', async () => {
    const store = memory()
    const secrets = ['the first secret of at least 32 bytes!', 'another secret of at least 32 bytes!']
    const seller = createSeller({ store, secret: secrets[0] ?? '' })
    const first = (await seller.coffer.handle(request('a'), ROUTE)) as Next
    await first.finish(new Response('', { status: 500 }))
    const headers = { 'idempotency-key': 'key' }
    const redeemed = (await createSeller({ store, secret: secrets.toReversed() }).coffer.handle(
      request('a', undefined, { headers }),
      ROUTE,
    )) as Next
    expect((await redeemed.finish(new Response(''))).headers.get(HEADER)).toBe(first.grant.session?.id)
  })

  it('is taken back when a payment in the background fails', async () => {
    const seller = createSeller()
    const id = await open(seller, { ...ROUTE, settle: 'background' })
    seller.script.settle = async () => ({ outcome: 'failed', cause: 'empty', detail: '' })
    await seller.coffer.tick()
    expect(((await visit(seller, id)) as Response).status).toBe(402)
  })

  it.each(['background', 'before'] as const)(
    'goes on when the transaction vanishes and comes back, and ends when it does not (settle: %s)',
    async (settle) => {
      for (const [reconciled, isOpen] of [
        [SETTLED, true],
        [{ outcome: 'failed', cause: 'expired', detail: '' }, false],
      ] as const) {
        const seller = createSeller()
        seller.script.confirm = async () => 'vanished'
        const route = { ...ROUTE, settle, acceptSessions: { maxRequests: 3 } }
        const id = await open(seller, route)
        await seller.coffer.tick()
        expect(await visit(seller, id, route)).not.toBeInstanceOf(Response)
        seller.advance(30_000)
        await seller.coffer.tick()
        seller.script.reconcile = async () => reconciled
        seller.script.confirm = async () => 'final'
        seller.advance(30_000)
        await seller.coffer.tick()
        expect(!((await visit(seller, id, route)) instanceof Response)).toBe(isOpen)
        if (!isOpen) continue
        expect(await visit(seller, id, route)).not.toBeInstanceOf(Response)
        expect(await visit(seller, id, route)).toBeInstanceOf(Response)
      }
    },
  )

  it('keeps nothing in the store that could be used (case 26)', async () => {
    const store = memory()
    const seller = createSeller({ store })
    const next = (await seller.coffer.handle(
      request('a', undefined, { headers: { 'idempotency-key': 'key' } }),
      ROUTE,
    )) as Next
    const answer = await next.finish(new Response('paid'))
    await answer.text()
    const dump = JSON.stringify(await store.list({ start: '!', end: '~' }, { limit: 1000 }))
    const id = answer.headers.get(HEADER) ?? 'none'
    expect(dump).toContain(next.grant.payment.paymentId)
    expect(dump).not.toContain(id)
    const again = (await seller.coffer.handle(
      request('a', undefined, { headers: { 'idempotency-key': 'key' } }),
      ROUTE,
    )) as Response
    expect(again.headers.get(HEADER)).toBe(id)
  })
})

describe('a session', () => {
  it('lets further requests in: one read, nothing verified, nothing settled, nothing written', async () => {
    const store = memory()
    const calls: string[] = []
    const seller = createSeller({
      store: {
        ...store,
        get(key) {
          calls.push('get')
          return store.get(key)
        },
        commit(writes) {
          calls.push('commit')
          return store.commit(writes)
        },
      },
    })
    const id = await open(seller)
    seller.script.calls.length = 0
    calls.length = 0
    const next = (await visit(seller, id)) as Next
    expect(next.grant).toMatchObject({
      payment: { amount: '0.01', txHash: '0xabc', redeemed: false },
      session: { id },
    })
    const answer = await next.finish(new Response('free'))
    expect(await answer.text()).toBe('free')
    expect(answer.headers.get('cache-control')).toBe('private')
    expect(answer.headers.get('x-receipt')).toBeNull()
    expect([calls, seller.script.calls]).toEqual([['get'], []])
  })

  it('comes before a credential, which stays unspent', async () => {
    const seller = createSeller()
    const id = await open(seller)
    const both = request('b', undefined, { headers: { [HEADER]: id } })
    await ((await seller.coffer.handle(both, ROUTE)) as Next).finish(new Response(''))
    expect(((await seller.coffer.handle(request('b'), ROUTE)) as Next).grant.payment.redeemed).toBe(false)
  })

  it('that is not good lets a credential beside it pay (case 27)', async () => {
    const seller = createSeller()
    const both = request('b', undefined, { headers: { [HEADER]: 'sess_made_up' } })
    expect(await seller.coffer.handle(both, ROUTE)).not.toBeInstanceOf(Response)
  })

  it.each<[string, RouteOptions, RouteOptions]>([
    ['a dearer route (case 28)', ROUTE, { price: '5', acceptSessions: true }],
    ['a route of another wallet', ROUTE, { price: '0.01', wallet: 'other', acceptSessions: true }],
    ['a route of another scope', ROUTE, { price: '0.01', acceptSessions: { scope: 'reports' } }],
    [
      'a scope that is called like a wallet',
      ROUTE,
      { price: '0.01', acceptSessions: { scope: 'wallet:main' } },
    ],
  ])('does not cover %s', async (_name, opening, visited) => {
    const wallets = { main: { address: `0x${'2'.repeat(40)}` }, other: { address: `0x${'3'.repeat(40)}` } }
    const seller = createSeller({ wallets })
    const answer = (await visit(seller, await open(seller, opening), visited)) as Response
    expect(answer.status).toBe(402)
    expect(answer.headers.get('x-challenge')).toBe('GET /report')
    expect(await codeOf(answer)).toBe('session-not-found')
  })

  it('covers cheaper routes and free ones, and none that takes no sessions', async () => {
    const seller = createSeller()
    const id = await open(seller)
    expect(await visit(seller, id, { price: '0.00', acceptSessions: true })).not.toBeInstanceOf(Response)
    expect(await codeOf((await visit(seller, id, { price: '0.01' })) as Response)).toBe('payment-required')
    expect(
      ((await seller.coffer.handle(request(null), { price: '0.00', acceptSessions: true })) as Response)
        .status,
    ).toBe(402)
  })

  it.each([
    ['by default', {}, 86_400],
    ['when the route says so', { sessionTtl: 60 }, 60],
  ])('ends %s (fault 17)', async (_name, options, seconds) => {
    const seller = createSeller()
    const id = await open(seller, { ...ROUTE, ...options })
    seller.advance(seconds * 1000 - 1)
    expect(await visit(seller, id)).not.toBeInstanceOf(Response)
    seller.advance(1)
    expect(await codeOf((await visit(seller, id)) as Response)).toBe('session-not-found')
  })

  it.each([59, 604_801, 0.5])('cannot last %d seconds', (sessionTtl) => {
    expect(() => createSeller().coffer.check({ ...ROUTE, sessionTtl })).toThrow(/^sessionTtl: /)
  })

  it('ends when it is revoked, and can be looked up until then (fault 17)', async () => {
    const seller = createSeller()
    const id = await open(seller)
    expect(await seller.coffer.sessions.get(id)).toMatchObject({ ceiling: '0.01', scope: 'wallet:main' })
    expect(await seller.coffer.sessions.revoke(id)).toBe(true)
    expect(await seller.coffer.sessions.revoke(id)).toBe(false)
    expect(await seller.coffer.sessions.get(id)).toBeNull()
    expect(((await visit(seller, id)) as Response).status).toBe(402)
  })

  it('lets in as many requests as it says, also in a race', async () => {
    const seller = createSeller()
    const route = { price: '0.01', acceptSessions: { maxRequests: 5 } }
    const id = await open(seller, route)
    const answers = await Promise.all(Array.from({ length: 20 }, () => visit(seller, id, route)))
    expect(answers.filter((answer) => !(answer instanceof Response))).toHaveLength(5)
  })

  it('turns away none of two hundred at once that it has room for', async () => {
    const seller = createSeller()
    const route = { price: '0.01', acceptSessions: { maxRequests: 200, budget: '2' } }
    const id = await open(seller, route)
    const answers = await Promise.all(Array.from({ length: 201 }, () => visit(seller, id, route)))
    expect(answers.filter((answer) => !(answer instanceof Response))).toHaveLength(200)
  })

  it('lets in as much as its budget', async () => {
    const seller = createSeller()
    const route = { price: '0.01', acceptSessions: { budget: '0.025' } }
    const id = await open(seller, route)
    expect(await visit(seller, id, route)).not.toBeInstanceOf(Response)
    expect(await visit(seller, id, { price: '0.015', acceptSessions: true })).toBeInstanceOf(Response)
    expect(await visit(seller, id, route)).not.toBeInstanceOf(Response)
    expect(await visit(seller, id, route)).toBeInstanceOf(Response)
    expect(await visit(seller, id, { price: '0.005', acceptSessions: true })).not.toBeInstanceOf(Response)
  })

  it.each(['', 'sess_', `sess_${'a'.repeat(43)}`, `SESS_${'a'.repeat(43)}`, 'x'.repeat(10_000)])(
    'has no id of the client: %s (case 27)',
    async (id) => {
      expect(((await visit(createSeller(), id)) as Response).status).toBe(402)
    },
  )
})

describe('a client-signed session token', () => {
  const TX = `0x${'ab'.repeat(32)}`
  const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)

  async function tokenOf(
    claims: object = {},
    signer = account,
    signs: 'json' | 'encoded' = 'json',
  ): Promise<string> {
    const json = JSON.stringify({
      createdAt: 0,
      expiresAt: 9e15,
      paymentAmount: '999',
      paymentTxHash: TX,
      scope: '*',
      version: 1,
      walletAddress: account.address,
      ...claims,
    })
    const encoded = Buffer.from(json).toString('base64url')
    return `${encoded}.${await signer.signMessage({ message: signs === 'json' ? json : encoded })}`
  }

  async function createPaidSeller(route: RouteOptions = ROUTE, options: Partial<CofferOptions> = {}) {
    const seller = createSeller(options)
    seller.script.payer = account.address.toLowerCase() as `0x${string}`
    seller.script.settle = async () => ({ outcome: 'settled', transaction: TX, block: '1' })
    return { seller, id: await open(seller, route) }
  }

  const present = (seller: Seller, token: string, headers = {}, route: RouteOptions = ROUTE) =>
    seller.coffer.handle(
      request(null, undefined, { headers: { 'x-session-token': token, ...headers } }),
      route,
    )

  it.each(['json', 'encoded'] as const)(
    'stands for the session that its payment opened: the %s signed',
    async (signs) => {
      const { seller } = await createPaidSeller()
      const next = (await present(seller, await tokenOf({}, account, signs))) as Next
      expect(next.grant).toMatchObject({ payment: { txHash: TX }, session: { id: null } })
    },
  )

  it.each<[string, () => Promise<string>]>([
    ['without a real payment', () => tokenOf({ paymentTxHash: `0x${'cd'.repeat(32)}` })],
    [
      'of another wallet',
      () =>
        tokenOf(
          { walletAddress: privateKeyToAccount(`0x${'22'.repeat(32)}`).address },
          privateKeyToAccount(`0x${'22'.repeat(32)}`),
        ),
    ],
    ['signed by another wallet', () => tokenOf({}, privateKeyToAccount(`0x${'22'.repeat(32)}`))],
    ['that was changed', async () => `A${(await tokenOf()).slice(1)}`],
    ['that is no token', async () => 'a.b.c'],
    ['that is too long', async () => 'a'.repeat(100_000)],
  ])('%s is a 402', async (_name, token) => {
    const { seller } = await createPaidSeller()
    const answer = (await present(seller, await token())) as Response
    expect(answer.status).toBe(402)
    expect(await codeOf(answer)).toBe('session-not-found')
  })

  it.each([
    ['https://api.example.com/agent/step', 'in'],
    ['http://api.example.com:8443/agent/step', 'out'],
    ['https://thief.test/agent/step', 'out'],
    ['api.example.com', 'out'],
    [undefined, 'out'],
  ])('signed for %s is let %s where it is known how clients reach the server', async (endpoint, way) => {
    const { seller } = await createPaidSeller(ROUTE, { publicUrl: 'https://api.example.com' })
    const answer = await present(seller, await tokenOf({ endpoint }))
    expect(answer instanceof Response ? 'out' : 'in').toBe(way)
  })

  it('covers no more than the session, whatever it says', async () => {
    const { seller } = await createPaidSeller()
    const answer = await present(
      seller,
      await tokenOf({ scope: '*' }),
      {},
      { price: '5', acceptSessions: true },
    )
    expect((answer as Response).status).toBe(402)
    seller.advance(86_400_000)
    expect(((await present(seller, await tokenOf())) as Response).status).toBe(402)
  })

  it('proves the payer where the session asks for it', async () => {
    const route = { price: '0.01', acceptSessions: { bindPayer: true } }
    const { seller, id } = await createPaidSeller(route)
    expect(((await visit(seller, id, route)) as Response).status).toBe(402)
    expect(await present(seller, await tokenOf(), { [HEADER]: id }, route)).not.toBeInstanceOf(Response)
  })
})
