import { describe, expect, it } from 'vitest'
import type { Next } from '../../src/gate/next.ts'
import { codeOf, createSeller, request } from './scripted.ts'

const ROUTE = { price: '0.01' }
const EXPOSED = ['WWW-Authenticate', 'PAYMENT-REQUIRED', 'PAYMENT-RESPONSE', 'Payment-Receipt']

async function pay(
  seller: ReturnType<typeof createSeller>,
  answer: Response,
  init: RequestInit = {},
  credential = 'a',
): Promise<Response> {
  const next = await seller.coffer.handle(request(credential, undefined, init), ROUTE)
  return (next as Next).finish(answer)
}

describe('caching', () => {
  it.each([
    [null, 'private'],
    ['public, max-age=600', 'private'],
    ['max-age=600', 'private'],
    ['no-store', 'no-store'],
    ['private, max-age=60', 'private, max-age=60'],
  ])('of a paid answer: %s becomes %s (case 23)', async (given, expected) => {
    const answer = await pay(
      createSeller(),
      new Response('', { headers: given ? { 'cache-control': given } : {} }),
    )
    expect(answer.headers.get('cache-control')).toBe(expected)
  })
})

describe('cross-origin requests', () => {
  it('may read challenges and receipts, from anywhere by default (case 24)', async () => {
    const seller = createSeller()
    const init = { headers: { origin: 'https://agent.test' } }
    const challenged = (await seller.coffer.handle(request(null, undefined, init), ROUTE)) as Response
    const paid = await pay(seller, new Response(''), init)
    for (const { headers } of [challenged, paid]) {
      expect(headers.get('access-control-allow-origin')).toBe('*')
      for (const name of EXPOSED) expect(headers.get('access-control-expose-headers')).toContain(name)
    }
  })

  it('are answered 204 before they are made, without a payment (case 24)', async () => {
    const { coffer, script } = createSeller()
    const answer = (await coffer.handle(
      request(null, undefined, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://agent.test',
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'x-own',
        },
      }),
      ROUTE,
    )) as Response
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-methods')).toBe('PUT')
    for (const name of ['PAYMENT-SIGNATURE', 'X-PAYMENT', 'Authorization', 'x-own']) {
      expect(answer.headers.get('access-control-allow-headers')).toContain(name)
    }
    expect(script.calls).toEqual([])
  })

  it('are limited to the origins of the configuration', async () => {
    const seller = createSeller({ cors: ['https://agent.test'] })
    const allow = async (origin: string) => {
      const answer = await seller.coffer.handle(request(null, undefined, { headers: { origin } }), ROUTE)
      const { headers } = answer as Response
      return [headers.get('access-control-allow-origin'), headers.get('vary')]
    }
    expect(await allow('https://agent.test')).toEqual(['https://agent.test', 'Origin'])
    expect(await allow('https://other.test')).toEqual([null, 'Origin'])
  })

  it("keep the handler's own decision, and its Vary", async () => {
    const seller = createSeller({ cors: ['https://agent.test'] })
    const headers = { 'access-control-allow-origin': 'https://own.test', vary: 'Accept' }
    const answer = await pay(seller, new Response('', { headers }), {
      headers: { origin: 'https://agent.test' },
    })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://own.test')
    expect(answer.headers.get('vary')).toBe('Accept, Origin')
  })

  it('are left to the server when cors is false', async () => {
    const seller = createSeller({ cors: false })
    const answer = await pay(seller, new Response(''))
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('a paid answer', () => {
  it('keeps every Set-Cookie, its status and an unread stream', async () => {
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
    let pulls = 0
    const body = new ReadableStream(
      {
        pull(controller) {
          pulls++
          controller.enqueue(new TextEncoder().encode('chunk'))
        },
      },
      { highWaterMark: 0 },
    )
    const answer = await pay(createSeller(), new Response(body, { status: 201, headers }))
    expect(answer.status).toBe(201)
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(pulls).toBe(0)
    await answer.body?.cancel()
  })
})

describe('the challenge limit', () => {
  const limited = (options = {}) => createSeller({ challengeLimit: { max: 3, window: 60 }, ...options })
  const statuses = async (
    seller: ReturnType<typeof createSeller>,
    count: number,
    caller: object,
    headers = {},
  ) => {
    const answers = []
    for (let at = 0; at < count; at++) {
      answers.push(
        ((await seller.coffer.handle(request(null, undefined, { headers }), ROUTE, caller)) as Response)
          .status,
      )
    }
    return answers
  }

  it('is 20 in 60 s unless configured', async () => {
    const seller = createSeller({ challengeLimit: {} })
    const answers = await statuses(seller, 21, { address: '192.0.2.1' })
    expect(answers.filter((status) => status === 402)).toHaveLength(20)
    expect(answers.at(-1)).toBe(429)
  })

  it('counts each client alone and ends with its window', async () => {
    const seller = limited()
    expect(await statuses(seller, 4, { address: '192.0.2.1' })).toEqual([402, 402, 402, 429])
    expect(await statuses(seller, 1, { address: '192.0.2.2' })).toEqual([402])
    const denied = (await seller.coffer.handle(request(null), ROUTE, { address: '192.0.2.1' })) as Response
    expect(denied.headers.get('retry-after')).toBe('60')
    expect(denied.headers.get('x-challenge')).toBeNull()
    expect(await codeOf(denied)).toBe('rate-limit-exceeded')
    seller.advance(60_000)
    expect(await statuses(seller, 1, { address: '192.0.2.1' })).toEqual([402])
  })

  it('does not hold for who has just paid', async () => {
    const seller = limited()
    const caller = { address: '192.0.2.1' }
    await ((await seller.coffer.handle(request('a'), ROUTE, caller)) as Next).finish(new Response(''))
    expect(new Set(await statuses(seller, 10, caller))).toEqual(new Set([402]))
    seller.advance(60_000)
    expect(await statuses(seller, 4, caller)).toEqual([402, 402, 402, 429])
  })

  it('holds for refused credentials too', async () => {
    const seller = limited()
    const answers = []
    for (let at = 0; at < 4; at++) {
      const answer = await seller.coffer.handle(request('malformed'), ROUTE, { address: '192.0.2.1' })
      answers.push((answer as Response).status)
    }
    expect(answers).toEqual([402, 402, 402, 429])
  })

  it('ignores X-Forwarded-For unless a proxy of ours wrote it (case 25)', async () => {
    const spoofed = limited()
    for (const hop of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) {
      await statuses(spoofed, 1, { address: '192.0.2.1' }, { 'x-forwarded-for': hop })
    }
    expect(
      await statuses(spoofed, 1, { address: '192.0.2.1' }, { 'x-forwarded-for': '198.51.100.4' }),
    ).toEqual([429])

    const behindProxy = limited({ trustProxy: 1 })
    const proxy = { address: '10.0.0.1' }
    const via = (client: string) => ({ 'x-forwarded-for': `203.0.113.9, ${client}` })
    expect(await statuses(behindProxy, 4, proxy, via('198.51.100.1'))).toEqual([402, 402, 402, 429])
    expect(await statuses(behindProxy, 1, proxy, via('198.51.100.2'))).toEqual([402])
    // Where the server does not tell who is connected, it is the proxy.
    const untold = limited({ trustProxy: 1 })
    expect(await statuses(untold, 4, {}, via('198.51.100.1'))).toEqual([402, 402, 402, 429])
    expect(await statuses(untold, 1, {}, via('198.51.100.2'))).toEqual([402])
    expect(await statuses(untold, 5, {})).toEqual([402, 402, 402, 402, 402])
  })

  it('takes an IPv6 client by its network, and IPv4 in IPv6 by itself', async () => {
    const seller = limited()
    for (const host of ['::1', '::2', '1::3']) {
      await statuses(seller, 1, { address: `2001:db8:0:7${host === '1::3' ? ':1::3' : host}` })
    }
    expect(await statuses(seller, 1, { address: '2001:db8:0:7:ffff::9' })).toEqual([429])
    expect(await statuses(seller, 1, { address: '2001:db8:0:8::1' })).toEqual([402])
    expect(await statuses(seller, 3, { address: '::ffff:192.0.2.1' })).toEqual([402, 402, 402])
    expect(await statuses(seller, 1, { address: '192.0.2.1' })).toEqual([429])
  })
})

describe('a route that binds the body', () => {
  const bound = { price: '0.01', bindBody: { maxBytes: 1000 } }
  const post = (body: BodyInit, headers = {}) =>
    request('a', undefined, {
      method: 'POST',
      body,
      headers,
      ...(body instanceof ReadableStream && { duplex: 'half' }),
    })

  it('puts its digest into the challenge (RFC 9530) and hands the body on', async () => {
    const { coffer } = createSeller()
    const challenged = (await coffer.handle(
      request(null, undefined, { method: 'POST', body: '{"hello": "world"}' }),
      bound,
    )) as Response
    expect(await challenged.json()).toMatchObject({
      digest: 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:',
    })
    const paid = post('{"hello": "world"}')
    expect(await coffer.handle(paid, bound)).toHaveProperty('grant')
    expect(await paid.text()).toBe('{"hello": "world"}')
  })

  it('refuses a larger body by its announced length, and while it streams, without reading on (case 22)', async () => {
    const { coffer, script } = createSeller()
    const announced = (await coffer.handle(
      post('x'.repeat(1001), { 'content-length': '1001' }),
      bound,
    )) as Response
    expect(announced.status).toBe(413)

    let chunks = 0
    let cancelled = false
    const endless = new ReadableStream({
      pull(controller) {
        chunks++
        controller.enqueue(new Uint8Array(300))
      },
      cancel() {
        cancelled = true
      },
    })
    const streamed = (await coffer.handle(post(endless), bound)) as Response
    expect(streamed.status).toBe(413)
    expect(await codeOf(streamed)).toBe('body-too-large')
    expect(chunks).toBeLessThan(10)
    expect(cancelled).toBe(true)
    expect(script.calls).toEqual([])
  })
})
