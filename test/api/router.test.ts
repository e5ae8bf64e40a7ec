import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { codeOf, createSeller } from '../gate/scripted.ts'
import { createOperated, jsonOf, KEY } from './operator.ts'

describe('keys', () => {
  it('let nobody in where there are none', async () => {
    const { ask } = createOperated({ apiKeys: [] })
    for (const key of [null, '', 'undefined', KEY]) expect((await ask('/payments', { key })).status).toBe(401)
    expect((await ask('/openapi.json', { key: null })).status).toBe(200)
  })

  it('are any of the configuration, whole, in the Bearer scheme', async () => {
    const { ask } = createOperated()
    expect((await ask('/payments', { key: 'another-key-that-is-long-enough-too' })).status).toBe(200)
    const fields = [`bearer ${KEY}`, `BEARER  ${KEY}`]
    for (const authorization of fields)
      expect((await ask('/payments', { key: null, headers: { authorization } })).status).toBe(200)
    const wrong = [KEY, `Basic ${KEY}`, `Bearer ${KEY}x`, `Bearer ${KEY.slice(0, -1)}`, `Bearer ${KEY}, x`]
    for (const authorization of wrong) {
      const answer = await ask('/payments', { key: null, headers: { authorization } })
      expect(answer.status).toBe(401)
      expect(await answer.text()).not.toContain(KEY)
    }
  })

  it('say why they were refused', async () => {
    const { ask } = createOperated()
    const none = await ask('/payments', { key: null })
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="coffer"')
    const wrong = await ask('/payments', { key: 'wrong' })
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="coffer", error="invalid_token"')
    expect(await codeOf(wrong)).toBe('unauthorized')
  })

  it.each([[['short']], [[`${'a'.repeat(40)} b`]], [['ä'.repeat(40)]], ['a'.repeat(40)]])(
    'are checked, and not shown: %s',
    (apiKeys) => {
      expect(() => createSeller({ apiKeys: apiKeys as string[] })).toThrow(/^apiKeys/)
      try {
        createSeller({ apiKeys: ['secret-but-short'] })
      } catch (error) {
        expect(String(error)).not.toContain('secret-but-short')
      }
    },
  )

  it('are not in the store', async () => {
    const store = memory()
    const { ask } = createOperated({ store })
    await ask('/webhooks', { method: 'POST', body: { url: 'https://a.test/' } })
    const dump = JSON.stringify(await store.list({ start: '!', end: '~' }, { limit: 1000 }))
    expect(dump).not.toContain(KEY)
  })
})

describe('the router', () => {
  it('answers under its base path, and discovery at the root too', async () => {
    const { ask } = createOperated({ basePath: '/pay/coffer/' })
    expect((await ask('/pay/coffer/payments')).status).toBe(200)
    for (const path of ['/payments', '/pay/coffer', '/pay/cofferpayments', '/x/pay/coffer/payments'])
      expect(await codeOf(await ask(path))).toBe('not-found')
    for (const path of ['/llms.txt', '/pay/coffer/llms.txt', '/openapi.json', '/pay/coffer/openapi.json'])
      expect((await ask(path, { key: null })).status).toBe(200)
    const { paths } = await jsonOf<{ paths: object }>(ask('/openapi.json'))
    expect(Object.keys(paths)).toContain('/pay/coffer/payments/{id}')
  })

  it.each(['coffer', '/a b', '/a//b', '/a?b', 5])('refuses the base path %s', (basePath) => {
    expect(() => createSeller({ basePath: basePath as string })).toThrow(/^basePath: /)
  })

  it('says which methods there are', async () => {
    const { ask } = createOperated()
    const answer = await ask('/webhooks/wh_1', { method: 'PUT' })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, PATCH, DELETE, HEAD, OPTIONS')
    expect(await codeOf(answer)).toBe('method-not-allowed')
  })

  it('answers HEAD as GET without a body', async () => {
    const { ask } = createOperated()
    const head = await ask('/payments', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
      200,
      'application/json',
      '',
    ])
    expect((await ask('/payments', { method: 'HEAD', key: null })).status).toBe(401)
    expect((await ask('/payments/pay_none', { method: 'HEAD' })).status).toBe(404)
  })

  it('lets scripts of other origins in as the gate does', async () => {
    const { ask } = createOperated({ cors: ['https://ops.test'] })
    const headers = { origin: 'https://ops.test', 'access-control-request-method': 'DELETE' }
    const preflight = await ask('/sessions/x', { method: 'OPTIONS', key: null, headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-methods')).toBe('DELETE')
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization')
    for (const key of [KEY, null]) {
      const answer = await ask('/payments', { key, headers })
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://ops.test')
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
    const foreign = await ask('/payments', { headers: { origin: 'https://evil.test' } })
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('answers a problem when the store fails, tells why elsewhere, and goes on', async () => {
    const store = memory()
    let isBroken = true
    const failing = {
      ...store,
      list: (...args: Parameters<typeof store.list>) =>
        isBroken ? Promise.reject(new Error('the disk is full')) : store.list(...args),
    }
    const { ask, failures } = createOperated({ store: failing })
    const answer = await ask('/payments')
    expect(answer.status).toBe(500)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ code: 'internal-error', status: 500 })
    expect(text).not.toContain('disk')
    expect(failures).toEqual([new Error('the disk is full')])
    isBroken = false
    expect((await ask('/payments')).status).toBe(200)
  })
})

describe('bad input', () => {
  it.each([
    ['/payments?limit=501', 'at most 500'],
    ['/payments?limit=0', 'a whole number from 1 to 500'],
    ['/payments?limit=1e2', 'a whole number from 1 to 500'],
    ['/payments?status=paid', 'one of claimed, settled, failed, unknown'],
    ['/payments?protocol=X402', 'one of x402, mpp'],
    ['/payments?form=2030-01-01', 'no "form"'],
    ['/payments?limit=1&limit=2', 'one'],
    ['/payments?from=yesterday', 'epoch milliseconds, or a date such as 2030-01-31 or 2030-01-31T12:00:00Z'],
    ['/payments?from=2030-13-45', 'epoch milliseconds, or a date such as 2030-01-31 or 2030-01-31T12:00:00Z'],
    ['/payments/summary?limit=1', 'no "limit"'],
  ])('in %s is answered with what was expected', async (path, expected) => {
    const answer = await createOperated().ask(path)
    expect(answer.status).toBe(400)
    expect(await jsonOf(answer)).toMatchObject({ code: 'bad-request', expected })
  })

  it.each<[string, unknown]>([
    ['no body', undefined],
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no URL', {}],
    ['another type', { url: 5 }],
    ['no https', { url: 'http://a.test/' }],
    ['an internal address', { url: 'https://127.0.0.1/' }],
    ['a secret in the URL', { url: 'https://user:hunter2@a.test/' }],
    ['an unknown event', { url: 'https://a.test/', events: ['payment.lost'] }],
    ['an unknown member', { url: 'https://a.test/', event: '*' }],
    ['a prototype', '{"url":"https://a.test/","__proto__":{"events":"*"}}'],
  ])('for a webhook is refused: %s', async (_name, body) => {
    const { ask, coffer } = createOperated()
    const answer = await ask('/webhooks', { method: 'POST', body })
    expect(answer.status).toBe(400)
    expect(await answer.text()).not.toContain('hunter2')
    expect(await coffer.webhooks?.list()).toEqual([])
  })

  it('that is large is not read', async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(16_384))
      },
    })
    const request = new Request('https://api.test/webhooks', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { authorization: `Bearer ${KEY}` },
    } as RequestInit)
    const answer = await createOperated().coffer.fetch(request)
    expect(answer.status).toBe(413)
    expect(pulled).toBeLessThan(10)
  })

  it('of any kind is answered with a problem, and changes nothing', async () => {
    const { ask: send, coffer, failures } = createOperated()
    const segment = fc.oneof(
      fc.constantFrom(
        'payments',
        'webhooks',
        'sessions',
        'summary',
        'deliveries',
        'replay',
        'openapi.json',
        '..',
        '',
      ),
      fc.webSegment(),
      fc.string().map(encodeURIComponent),
    )
    const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
    const query = fc.oneof(
      fc.constant(''),
      fc.webQueryParameters().map((text) => `?${text}`),
      fc
        .tuple(
          fc.constantFrom('limit', 'cursor', 'from', 'to', 'status', 'route', 'protocol'),
          fc.string({ unit: 'binary' }),
        )
        .map(([name, value]) => `?${name}=${encodeURIComponent(value.toWellFormed())}`),
    )
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')
    const body = fc.oneof(fc.json(), fc.string(), fc.constant('{"url":"https://[::1]/"}'))
    await fc.assert(
      fc.asyncProperty(
        method,
        path,
        query,
        body,
        fc.boolean(),
        async (method, path, query, body, isOperator) => {
          const options = { method, key: isOperator ? KEY : null, ...(/^P/.test(method) && { body }) }
          const answer = await send(path + query, options)
          if (answer.status < 400) return
          expect([400, 401, 404, 405, 413]).toContain(answer.status)
          expect(answer.headers.get('content-type')).toBe('application/problem+json')
          if (method !== 'HEAD') expect(await jsonOf(answer)).toMatchObject({ status: answer.status })
        },
      ),
      { numRuns: 500 },
    )
    expect(failures).toEqual([])
    expect(await coffer.webhooks?.list()).toEqual([])
  })
})
