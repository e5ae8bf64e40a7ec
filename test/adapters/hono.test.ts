import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { describe, expect, it } from 'vitest'
import { api, paid } from '../../adapters/hono.ts'
import type { RouteOptions } from '../../src/index.ts'
import { codeOf, createSeller, request } from '../gate/scripted.ts'
import { adapterContract } from './contract.ts'
import { serveWeb, webAdapter, webHandler } from './web-app.ts'

const ROUTE: RouteOptions = { price: '0.01' }
const URL = 'https://api.test/report'

/** Hono behind Node's server. What the server knows of the connection is in its environment. */
const overNode = webAdapter(({ coffer }, route, handler) => {
  const answer = webHandler(handler)
  const app = new Hono<{ Bindings: { address: string | undefined } }>()
    .use(paid(coffer, route, { address: (c) => c.env.address }))
    .all('*', ({ req, var: grant }) => answer(req.raw, grant))
    .onError((_, c) => c.text('failed', 500))
  return serveWeb((request, address) => app.fetch(request, { address }))
})

describe('paid() for Hono', () => {
  adapterContract({ describe, it, expect }, overNode)

  it('checks the options at once', () => {
    const { coffer } = createSeller()
    expect(() => paid(coffer, { price: '1e3' })).toThrow(/price/)
  })

  it('keeps the parameters of the path, beside the grant (fault 12)', async () => {
    const { coffer } = createSeller()
    const app = new Hono().get('/reports/:id', paid(coffer, ROUTE), (c) =>
      c.json([c.req.param('id'), c.get('wallet').id, c.var.vault]),
    )
    const answer = await app.fetch(request('a', 'https://api.test/reports/7'))
    expect(await answer.json()).toEqual(['7', 'main', null])
  })

  it.each([null, 'a'])('leaves what earlier middleware has set, paid with %s', async (credential) => {
    const { coffer } = createSeller()
    const app = new Hono()
    app.use(cors({ origin: 'https://agent.test', exposeHeaders: ['X-Own'] }))
    app.use(async (c, next) => {
      setCookie(c, 'early', '1')
      c.header('cache-control', 'public')
      await next()
    })
    app.get('/report', paid(coffer, ROUTE), (c) => {
      setCookie(c, 'late', '2')
      return c.text('hello')
    })
    const init = { headers: { origin: 'https://agent.test' } }
    const { status, headers } = await app.fetch(request(credential, URL, init))
    expect(status).toBe(credential === null ? 402 : 200)
    expect(headers.getSetCookie()).toEqual(['early=1; Path=/', ...(credential ? ['late=2; Path=/'] : [])])
    expect(headers.get('access-control-allow-origin')).toBe('https://agent.test')
    expect(headers.get('access-control-expose-headers')).toMatch(/^X-Own, .*PAYMENT-REQUIRED/)
    expect(headers.get('cache-control')).toBe(credential === null ? 'no-store' : 'private')
  })

  it('owes what a thrown error has cost, and leaves the error to the app', async () => {
    const { coffer, script } = createSeller()
    const app = new Hono()
    app.get('/report', paid(coffer, ROUTE), () => {
      throw new Error('no stock')
    })
    app.onError(({ message }, c) => c.json({ message }, 503))
    for (const _ of [1, 2]) {
      const answer = await app.fetch(request('a', URL))
      expect([answer.status, answer.headers.get('x-receipt')]).toEqual([503, null])
      expect(await answer.json()).toEqual({ message: 'no stock' })
    }
    expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
  })

  it('owes what nothing answers', async () => {
    const { coffer } = createSeller()
    const app = new Hono().use(paid(coffer, ROUTE))
    for (const _ of [1, 2]) expect((await app.fetch(request('a', URL))).status).toBe(404)
  })

  it.each(['before', 'after'])('binds a body that is parsed %s it', async (when) => {
    const { coffer } = createSeller()
    const app = new Hono()
    if (when === 'before') {
      app.use(async (c, next) => {
        await c.req.json()
        await next()
      })
    }
    app.post('/report', paid(coffer, { ...ROUTE, bindBody: true }), async (c) => c.json(await c.req.json()))
    const body = '{"step":1}'
    const challenged = await app.fetch(request(null, URL, { method: 'POST', body }))
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(body))).toString('base64')
    expect(await challenged.json()).toMatchObject({ digest: `sha-256=:${digest}:` })
    const answer = await app.fetch(request('a', URL, { method: 'POST', body }))
    expect(await answer.json()).toEqual({ step: 1 })
  })

  it.each([
    ['bind a form that was parsed', { bindBody: true }, {}],
    ['tell a form that was parsed from others with its key', {}, { 'idempotency-key': 'key' }],
  ])('cannot %s: an error that says so, never a payment', async (_, options, headers) => {
    const { coffer, script } = createSeller()
    const app = new Hono()
    app.use(async (c, next) => {
      await c.req.parseBody()
      await next()
    })
    app.post('/report', paid(coffer, { ...ROUTE, ...options }), (c) => c.text('hello'))
    app.onError(({ message }, c) => c.text(message, 500))
    const body = new FormData()
    body.set('field', 'value')
    const answer = await app.fetch(request('a', URL, { method: 'POST', headers, body }))
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringMatching(/mount paid\(\) first/)])
    expect(script.calls).toEqual([])
  })

  it('works on behind the answer where the platform lets it', async () => {
    const { coffer, script } = createSeller()
    const app = new Hono().get('/report', paid(coffer, { ...ROUTE, settle: 'background' }), (c) =>
      c.text('hello'),
    )
    const works: Promise<unknown>[] = []
    const context = {
      waitUntil: (work: Promise<unknown>) => void works.push(work),
      passThroughOnException() {},
    }
    expect((await app.fetch(request('a', URL), {}, { ...context, props: {} })).status).toBe(200)
    await Promise.all(works)
    expect(script.calls).toEqual(['verify', 'settle'])
  })
})

describe('api() for Hono', () => {
  const KEY = 'an-api-key-of-thirty-two-characters-or-more'

  it.each(['app.all()', 'app.mount()'])('answers below its path, by %s', async (way) => {
    const { coffer } = createSeller({ apiKeys: [KEY], basePath: '/coffer' })
    const app = new Hono()
    if (way === 'app.all()') app.all('/coffer/*', api(coffer))
    else app.mount('/coffer', coffer.fetch, { replaceRequest: false })
    const ask = (key: string) =>
      app.request('/coffer/payments', { headers: { authorization: `Bearer ${key}` } })
    expect(await (await ask(KEY)).json()).toMatchObject({ payments: [] })
    expect(await codeOf(await ask('another'))).toBe('unauthorized')
  })
})
