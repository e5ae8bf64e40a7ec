import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PayFetchOptions } from '../../src/client/engine.ts'
import { paymentOf } from '../../src/client/paid-answer.ts'
import type { PayFetch } from '../../src/client/pay-fetch.ts'
import { readSessionToken } from '../../src/sessions/token.ts'
import { memory } from '../../src/stores/memory.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { errorOf, payFrom } from './agents.ts'
import { ask, createClient, createMarkets, type Market, PAYER, paymentResponse } from './market.ts'

describe('at a server of ours', () => {
  let chains: Chains
  let shop: Shop
  beforeAll(async () => {
    chains = await startChains()
    const wares = {
      '/agent/step': { price: '0.01', acceptSessions: true },
      '/agent/finish': { price: '0.00', acceptSessions: true },
      '/agent/dear': { price: '1.00', acceptSessions: true },
      '/plain': { price: '0.01' },
      '/bound/step': { price: '0.01', acceptSessions: { bindPayer: true } },
      '/twice/step': { price: '0.01', acceptSessions: { maxRequests: 2 } },
    }
    shop = await openShop(wares, { evm: [chains.evm] })
  })
  afterAll(async () => {
    await shop?.stop()
    await stopChains(chains)
  })

  async function createAgent(
    options: Partial<PayFetchOptions> = {},
  ): Promise<{ payer: Payer; pay: PayFetch; spent: () => Promise<bigint> }> {
    const payer = await createEvmPayer(chains.evm)
    const spent = async () => TEN_DOLLARS - (await chains.evm.balanceOf(payer.address))
    return { payer, pay: payFrom(payer, chains, options), spent }
  }

  it('one payment opens a session, and all that it covers is free', async () => {
    const { pay, spent } = await createAgent()
    const first = await pay(`${shop.url}/agent/step`)
    expect(paymentOf(first)?.session).toMatchObject({
      kind: 'server',
      scope: 'prefix',
      url: `${shop.url}/agent/step`,
    })
    for (const path of ['/agent/step', '/agent/finish', '/agent/step', '/agent/finish']) {
      const answer = await pay(shop.url + path)
      expect([answer.status, paymentOf(answer)]).toEqual([200, null])
    }
    expect(await spent()).toBe(10_000n)
    expect(new Set(shop.grants.slice(-5).map(({ session }) => session?.id)).size).toBe(1)
  })

  it('a dearer route is paid, and its session takes over', async () => {
    const { pay, spent } = await createAgent()
    await pay(`${shop.url}/agent/step`)
    await pay(`${shop.url}/agent/dear`)
    for (const path of ['/agent/step', '/agent/dear', '/agent/step']) await pay(shop.url + path)
    expect(await spent()).toBe(1_010_000n)
  })

  it('a session that has ended is renewed by paying, within the budget', async () => {
    const { pay, spent } = await createAgent({ budget: { total: '0.02' } })
    for (let request = 0; request < 6; request++) await pay(`${shop.url}/twice/step`)
    expect(await spent()).toBe(20_000n)
    expect(await errorOf(pay(`${shop.url}/twice/step`))).toMatchObject({ code: 'payment-refused' })
  })

  it('a session that is bound to its payer is shown with a signature', async () => {
    const { pay, spent } = await createAgent()
    for (let request = 0; request < 3; request++)
      expect((await pay(`${shop.url}/bound/step`)).status).toBe(200)
    expect(await spent()).toBe(10_000n)
  })

  it('outlives its client, in the store', async () => {
    const store = memory()
    const { payer, pay, spent } = await createAgent({ store })
    await pay(`${shop.url}/agent/step`)
    const [session] = await pay.sessions.list()
    const next = payFrom(payer, chains, { store })
    await next(`${shop.url}/agent/step`)
    expect(await spent()).toBe(10_000n)
    expect(await next.sessions.list()).toEqual([session])
    expect(JSON.stringify(session)).not.toContain('sess_')
  })

  it('that revokes it is paid anew', async () => {
    const { pay, spent } = await createAgent()
    await pay(`${shop.url}/agent/step`)
    await shop.coffer.sessions.revoke(shop.grants.at(-1)?.session?.id ?? '')
    await pay(`${shop.url}/agent/step`)
    expect(await spent()).toBe(20_000n)
  })

  it('that is revoked while many requests are made in it is paid anew once', async () => {
    const { pay, spent } = await createAgent()
    await pay(`${shop.url}/agent/step`)
    await shop.coffer.sessions.revoke(shop.grants.at(-1)?.session?.id ?? '')
    const paths = Array.from({ length: 12 }, (_, n) => `/agent/${n % 3 === 0 ? 'finish' : 'step'}?n=${n}`)
    const answers = await Promise.all(paths.map((path) => pay(shop.url + path)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(await spent()).toBe(20_000n)
  })

  it('that is named is used where another would be, and one that is unwanted is not', async () => {
    const { pay, spent } = await createAgent({ sessions: { scope: 'exact' } })
    const opened = paymentOf(await pay(`${shop.url}/agent/step`))?.session
    await pay(`${shop.url}/agent/finish`, { session: opened?.id ?? '' })
    expect(await spent()).toBe(10_000n)
    await pay(`${shop.url}/agent/step`, { session: false })
    expect(await spent()).toBe(20_000n)
    expect(await errorOf(pay(`${shop.url}/agent/step`, { session: 'cses_x' }))).toMatchObject({
      code: 'invalid-option',
    })
  })

  it('a call that must not pay gets the 402', async () => {
    const { pay, spent } = await createAgent()
    const answer = await pay(`${shop.url}/plain`, { pay: false })
    expect([answer.status, answer.headers.has('payment-required'), await spent()]).toEqual([402, true, 0n])
  })

  it('a server that has no session for a payment takes a token for it, when it knows the payment', async () => {
    // The id of the session gets lost on its way.
    const { pay, spent } = await createAgent({
      async fetch(input, init) {
        const answer = await fetch(input, init)
        const headers = new Headers(answer.headers)
        headers.delete('x-prudra-session-id')
        return new Response(answer.body, { status: answer.status, headers })
      },
    })
    for (let request = 0; request < 3; request++)
      expect((await pay(`${shop.url}/agent/step`)).status).toBe(200)
    expect(await spent()).toBe(10_000n)
    expect(await pay.sessions.list()).toMatchObject([{ kind: 'token' }])
  })
})

describe('a session that is paid for on terms', () => {
  const market = createMarkets()
  /** A market that opens a session for every payment, and takes it at `/a/b` and `/a/d`. */
  const openMarket = () =>
    market(({ request, isPaid, before }) => {
      const isIn = request.headers.has('x-prudra-session-id') && !request.url.endsWith('/dear')
      if (isIn) return new Response('in session')
      const fields = { ...paymentResponse(), 'x-prudra-session-id': `sess_${before}_secret` }
      return isPaid ? new Response('paid', { headers: fields }) : ask(request.url)
    })
  const shown = ({ requests }: Market) =>
    requests.flatMap(({ headers }) => headers['x-prudra-session-id'] ?? [])

  it('has its time, scope and label, and stands beside others of its path', async () => {
    const opened = await openMarket()
    const pay = createClient()
    const sessions = []
    for (const label of ['one', 'other']) {
      const answer = await pay(`${opened.url}/a/b`, { session: { ttl: 60, scope: 'exact', label } })
      sessions.push(paymentOf(answer)?.session)
    }
    const [one, other] = sessions
    expect(one).toMatchObject({
      label: 'one',
      scope: 'exact',
      expiresAt: (one?.openedAt ?? 0) + 60_000,
      payment: { amount: '0.01', symbol: 'USDC', network: 'eip155:84532' },
    })
    expect(await pay.sessions.list()).toHaveLength(2)
    for (const session of [one, other, one]) await pay(`${opened.url}/a/b`, { session: session?.id ?? '' })
    const [first, second, third] = shown(opened)
    expect([first, second]).toEqual([third, expect.not.stringMatching(first ?? '')])
    expect(opened.credentials()).toHaveLength(2)
  })

  it('is not used any more when its time is over', async () => {
    const opened = await openMarket()
    let now = Date.now()
    const pay = createClient({ clock: () => now })
    const id = paymentOf(await pay(`${opened.url}/a/b`, { session: { ttl: 60 } }))?.session?.id ?? ''
    await pay(`${opened.url}/a/b`)
    now += 60_000
    expect(await errorOf(pay(`${opened.url}/a/b`, { session: id }))).toMatchObject({ code: 'invalid-option' })
    await pay(`${opened.url}/a/b`, { pay: false })
    expect(shown(opened)).toHaveLength(1)
    expect(await pay.sessions.list()).toMatchObject([{ id, expiresAt: now }])
  })

  it('and is named is kept, also where it is not taken', async () => {
    const opened = await openMarket()
    const pay = createClient()
    const id = paymentOf(await pay(`${opened.url}/a/b`, { session: { ttl: 60 } }))?.session?.id ?? ''
    expect((await pay(`${opened.url}/a/dear`, { session: id, pay: false })).status).toBe(402)
    expect(await (await pay(`${opened.url}/a/b`, { session: id })).text()).toBe('in session')
  })

  it.each([
    [{ ttl: 59 }, 'session.ttl'],
    [{ ttl: 2_592_001 }, 'session.ttl'],
    [{ ttl: 60, scope: 'everywhere' }, 'session.scope'],
    [{ ttl: 60, label: 'x'.repeat(101) }, 'session.label'],
    [{ ttl: 60, more: 1 }, 'session'],
  ])('takes no %j', async (session, named) => {
    const error = await errorOf(createClient()('http://127.0.0.1:9/', { session: session as never }))
    expect([error['code'], error.message]).toEqual(['invalid-option', expect.stringContaining(named)])
  })
})

describe('at any server', () => {
  const market = createMarkets()

  const header = (request: Request) => request.headers.get('x-prudra-session-id')

  /** A market with sessions, each good for as many requests. */
  const sessionMarket = (uses = Number.POSITIVE_INFINITY) => {
    const left = new Map<string, number>()
    return market(({ request, isPaid }) => {
      const id = header(request) ?? ''
      const remaining = left.get(id) ?? 0
      if (remaining > 0) {
        left.set(id, remaining - 1)
        return new Response('in session')
      }
      if (!isPaid) return ask(request.url)
      const opened = `sess_${left.size + 1}_secret`
      left.set(opened, uses)
      return new Response('paid', { headers: { ...paymentResponse(), 'x-prudra-session-id': opened } })
    })
  }
  const pathsIn = ({ requests }: Market) =>
    requests.filter(({ headers }) => 'x-prudra-session-id' in headers).map(({ url }) => new URL(url).pathname)

  it.each([
    ['exact', ['/a/b']],
    ['prefix', ['/a/b', '/a/c', '/a/c/d']],
    ['origin', ['/a/b', '/a/c', '/a/c/d', '/e', '/']],
  ] as const)('with the scope %s a session is tried at %j only', async (scope, expected) => {
    const opened = await sessionMarket()
    const pay = createClient({ sessions: { scope, tokens: false } })
    await pay(`${opened.url}/a/b`)
    for (const path of ['/a/b', '/a/c', '/a/c/d', '/e', '/']) await pay(opened.url + path, { pay: false })
    expect(pathsIn(opened)).toEqual(expected)
  })

  it('a session is never shown to another origin', async () => {
    const [one, other] = [await sessionMarket(), await sessionMarket()]
    const pay = createClient({ sessions: { scope: 'origin' } })
    await pay(one.url)
    await pay(other.url)
    expect(pathsIn(other)).toEqual([])
  })

  it('one that is named is not shown to another origin either', async () => {
    const [one, other] = [await sessionMarket(), await sessionMarket()]
    const pay = createClient()
    const id = paymentOf(await pay(one.url))?.session?.id ?? ''
    expect(await errorOf(pay(other.url, { session: id }))).toMatchObject({ code: 'invalid-option' })
    expect(other.requests).toEqual([])
  })

  it('requests that are made at once pay once for the session that takes the place of one that has ended', async () => {
    const opened = await sessionMarket(20)
    let now = Date.now()
    const pay = createClient({ clock: () => now })
    await pay(`${opened.url}/a/b`, { session: { ttl: 60 } })
    now += 60_000
    const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => pay(`${opened.url}/a/${n}`)))
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    expect(texts.sort()).toEqual([...Array(9).fill('in session'), 'paid'])
    expect(opened.credentials()).toHaveLength(2)
  })

  it('where a session is not good for what is asked, each request is paid', async () => {
    const opened = await market(({ request, isPaid }) => {
      if (!isPaid) return ask(request.url)
      const isOpening = new URL(request.url).pathname === '/a/open'
      const fields = { ...paymentResponse(), ...(isOpening && { 'x-prudra-session-id': 'sess_secret' }) }
      return new Response('paid', { headers: fields })
    })
    const pay = createClient({ sessions: { tokens: false } })
    await pay(`${opened.url}/a/open`)
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => pay(`${opened.url}/a/${n % 2}`)))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(opened.credentials()).toHaveLength(9)
  })

  it('who waits for the payment of another pays when that has come to nothing, and may give up', async () => {
    const calls: Promise<Response>[] = []
    const give = new AbortController()
    let paid = 0
    const opened = await market(({ request, isPaid }) => {
      const fields = { ...paymentResponse(), 'x-prudra-session-id': `sess_${paid}_secret` }
      if (header(request) === 'sess_2_secret') return new Response('in session')
      if (!isPaid) return ask(request.url)
      if (++paid !== 2) return new Response('paid', { headers: fields })
      give.abort(new Error('enough'))
      return new Response(null, { status: 503 })
    })
    const pay = createClient()
    await pay(`${opened.url}/a/open`)
    for (const n of [0, 1, 2]) calls.push(pay(`${opened.url}/a/${n}`))
    calls.push(pay(`${opened.url}/a/3`, { signal: give.signal }))
    const ends = await Promise.allSettled(calls)
    const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    expect(reasons).toHaveLength(2)
    expect(reasons).toContainEqual(expect.objectContaining({ code: 'payment-unresolved' }))
    expect(reasons).toContainEqual(expect.objectContaining({ message: 'enough' }))
    expect(opened.credentials()).toHaveLength(3)
  })

  it.each([
    ['a redirect', 302, { location: 'https://files.test/1' }],
    ['that nothing has changed', 304, {}],
  ])('an answer of %s in a session is handed out, and not paid for', async (_what, status, headers) => {
    const opened = await market(({ request, isPaid }) => {
      if (header(request) !== null) return new Response(null, { status, headers })
      const fields = { ...paymentResponse(), 'x-prudra-session-id': 'sess_secret' }
      return isPaid ? new Response('paid', { headers: fields }) : ask(request.url)
    })
    const pay = createClient()
    await pay(opened.url)
    expect((await pay(opened.url)).status).toBe(status)
    expect(opened.credentials()).toHaveLength(1)
  })

  it('where a request is led within its origin, a session is used, too', async () => {
    const opened = await market(({ request, isPaid }) => {
      const { pathname, origin } = new URL(request.url)
      if (pathname === '/report') return Response.redirect(`${origin}/report/`, 308)
      if (header(request) !== null) return new Response('in session')
      const fields = { ...paymentResponse(), 'x-prudra-session-id': 'sess_secret' }
      return isPaid ? new Response('paid', { headers: fields }) : ask(request.url)
    })
    const pay = createClient()
    const texts = []
    for (let time = 0; time < 3; time++) texts.push(await (await pay(`${opened.url}/report`)).text())
    expect(texts).toEqual(['paid', 'in session', 'in session'])
    expect(opened.credentials()).toHaveLength(1)
  })

  it('a POST that a redirect answers in a session is not made again', async () => {
    let orders = 0
    const opened = await market(({ request, isPaid }) => {
      if (header(request) !== null || isPaid) {
        orders++
        const fields = { ...paymentResponse(), 'x-prudra-session-id': 'sess_secret', location: '/order/1' }
        return new Response(null, { status: 303, headers: fields })
      }
      return ask(request.url)
    })
    const pay = createClient()
    for (const time of [1, 2]) {
      const answer = await pay(opened.url, { method: 'POST', body: 'x' })
      expect([answer.status, answer.headers.get('location'), orders]).toEqual([303, '/order/1', time])
    }
    expect(opened.credentials()).toHaveLength(1)
  })

  it('one that has ended is not in the way of one that has not', async () => {
    const opened = await sessionMarket(1)
    const pay = createClient({ sessions: { tokens: false } })
    // Paid, used, paid again by another path of the same folder: the newer one is good for the first path too.
    for (const path of ['/a/x', '/a/x', '/a/y', '/a/x']) await pay(opened.url + path)
    expect(opened.credentials()).toHaveLength(2)
  })

  it('where one was refused is remembered within bounds', async () => {
    const shown: string[] = []
    const pay = createClient({
      async fetch(input) {
        const request = new Request(input)
        if (header(request) !== null) shown.push(new URL(request.url).pathname)
        if (!request.headers.has('payment-signature')) return ask(request.url)
        return new Response('paid', { headers: { 'x-prudra-session-id': 'sess_secret' } })
      },
    })
    await pay('http://localhost/open')
    const dear = (n: number) => pay(`http://localhost/${n}`, { pay: false })
    for (let n = 0; n < 1001; n++) await dear(n)
    for (const n of [1000, 0]) await dear(n)
    expect(shown.slice(-2)).toEqual(['/1000', '/0'])
  })

  it('its field may have another name', async () => {
    const opened = await market(({ request, isPaid }) => {
      if (request.headers.get('my-session') === 'my-session-id') return new Response('in session')
      return isPaid ? new Response('paid', { headers: { 'my-session': 'my-session-id' } }) : ask(request.url)
    })
    const pay = createClient({ sessions: { header: 'My-Session' } })
    await pay(opened.url)
    expect(await (await pay(opened.url)).text()).toBe('in session')
  })

  it('sessions can be left alone', async () => {
    const opened = await sessionMarket()
    const pay = createClient({ sessions: false })
    await pay(opened.url)
    await pay(opened.url)
    expect([pathsIn(opened), opened.credentials().length, await pay.sessions.list()]).toEqual([[], 2, []])
  })

  it('one that is ended is used no more, and revoked where the server lets us', async () => {
    const revoked: string[] = []
    const opened = await market(({ request, isPaid }) => {
      const { pathname } = new URL(request.url)
      if (request.method === 'DELETE') {
        revoked.push(pathname)
        return new Response(null, { status: pathname.startsWith('/api/') ? 204 : 401 })
      }
      const fields = { ...paymentResponse(), 'x-prudra-session-id': 'sess_secret' }
      return isPaid ? new Response('paid', { headers: fields }) : ask(request.url)
    })
    const pay = createClient()
    for (const [api, outcome] of [
      [undefined, 'forgotten'],
      [`${opened.url}/other`, 'forgotten'],
      [`${opened.url}/api/`, 'revoked'],
    ] as const) {
      const session = paymentOf(await pay(opened.url))?.session
      expect(await pay.sessions.end(session?.id ?? '', api)).toBe(outcome)
    }
    expect(revoked).toEqual(['/other/sessions/sess_secret', '/api/sessions/sess_secret'])
    const last = paymentOf(await pay(opened.url))?.session
    // What ends a session is what uses it.
    const elsewhere = pay.sessions.end(last?.id ?? '', 'https://thief.test/api')
    expect(await errorOf(elsewhere)).toMatchObject({ code: 'invalid-option' })
    expect(await errorOf(pay.sessions.end(last?.id ?? '', 'nonsense'))).toMatchObject({
      code: 'invalid-option',
    })
    await pay.sessions.end(last?.id ?? '')
    expect(await pay.sessions.end('cses_x')).toBeNull()
    expect(await pay.sessions.list()).toEqual([])
  })

  it('a token says who paid what, is signed once, and is not shown again where it is not taken', async () => {
    const opened = await market(({ request, isPaid }) =>
      isPaid ? new Response('paid', { headers: paymentResponse() }) : ask(request.url),
    )
    const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)
    let signed = 0
    const wallet = {
      address: account.address,
      signTypedData: account.signTypedData,
      signMessage: (parameters: { readonly message: string }) => {
        signed++
        return account.signMessage(parameters)
      },
    }
    const pay = createClient({ wallet })
    for (let request = 0; request < 3; request++) await pay(opened.url)
    const shown = opened.requests.flatMap(({ headers }) => headers['x-session-token'] ?? [])
    expect([shown.length, signed, opened.credentials().length]).toEqual([1, 1, 3])
    expect(await readSessionToken(shown[0] ?? '')).toEqual({
      payer: account.address.toLowerCase(),
      transaction: `0x${'ab'.repeat(32)}`,
      host: new URL(opened.url).host,
    })
    expect(opened.requests.find(({ headers }) => 'x-session-token' in headers)?.headers).toMatchObject({
      'x-session-wallet': account.address,
      'payment-session': shown[0],
    })
  })

  it('signs no token for a transaction that paid another server', async () => {
    const open = () =>
      market(({ request, isPaid }) =>
        isPaid ? new Response('paid', { headers: paymentResponse() }) : ask(request.url),
      )
    const [honest, thief] = [await open(), await open()]
    const pay = createClient()
    await pay(honest.url)
    await pay(thief.url)
    for (let request = 0; request < 2; request++) await pay(thief.url)
    expect(thief.requests.some(({ headers }) => 'x-session-token' in headers)).toBe(false)
  })

  it.each([
    [
      'a wallet that signs no texts',
      {
        wallet: {
          address: PAYER as `0x${string}`,
          signTypedData: privateKeyToAccount(`0x${'11'.repeat(32)}`).signTypedData,
        },
      },
    ],
    ['a client that is told not to', { sessions: { tokens: false } }],
  ])('%s makes no tokens', async (_what, options) => {
    const opened = await market(({ request, isPaid }) =>
      isPaid ? new Response('paid', { headers: paymentResponse() }) : ask(request.url),
    )
    const pay = createClient(options)
    for (let request = 0; request < 2; request++) await pay(opened.url)
    expect(opened.requests.some(({ headers }) => 'x-session-token' in headers)).toBe(false)
  })
})

it.each([
  [{ header: 'a b' }, 'sessions.header'],
  [{ scope: 'all' }, 'sessions.scope'],
  [{ ttl: 1 }, 'sessions.ttl'],
])('options are checked: %j', (sessions, option) => {
  expect(() => createClient({ sessions: sessions as never })).toThrow(option)
})
