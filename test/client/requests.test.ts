import { afterEach, describe, expect, it } from 'vitest'
import { errorOf } from './agents.ts'
import { ask, createClient, type Market, openMarket } from './market.ts'

const open: Market[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((market) => market.close()))
})

/** A market that asks for a cent for everything, and then answers. */
async function market(): Promise<Market> {
  const opened = await openMarket(({ request, isPaid }) => (isPaid ? new Response('ok') : ask(request.url)))
  open.push(opened)
  return opened
}

const bytes: Uint8Array<ArrayBuffer> = new TextEncoder().encode('what is sent 🐝')

function stream(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice(0, 5))
      controller.enqueue(bytes.slice(5))
      controller.close()
    },
  })
}

function form(): FormData {
  const data = new FormData()
  data.set('name', 'bees')
  data.set('file', new Blob([bytes], { type: 'text/plain' }), 'bees.txt')
  return data
}

describe('a request is sent again as it was', () => {
  it.each([
    ['text', (): BodyInit => 'what is sent 🐝', 'text/plain;charset=UTF-8'],
    ['bytes', (): BodyInit => bytes, undefined],
    ['a stream', stream, undefined],
    ['a Blob', (): BodyInit => new Blob([bytes], { type: 'text/x-bees' }), 'text/x-bees'],
    [
      'parameters',
      (): BodyInit => new URLSearchParams({ a: '1' }),
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['a form', form, /^multipart\/form-data; boundary=/],
    ['nothing at all', (): null => null, undefined],
    ['text of no length', (): BodyInit => '', 'text/plain;charset=UTF-8'],
  ] as const)('%s', async (_what, body, type) => {
    const { url, requests } = await market()
    const init = { method: 'POST', body: body(), duplex: 'half' } as RequestInit
    expect((await createClient()(url, init)).status).toBe(200)
    const [first, second] = requests
    expect(requests).toHaveLength(2)
    expect(second?.body).toBe(first?.body)
    expect(second?.headers['content-type']).toBe(first?.headers['content-type'])
    expect(second?.headers['content-length']).toBe(first?.headers['content-length'])
    if (typeof type === 'string') expect(first?.headers['content-type']).toBe(type)
    if (type instanceof RegExp) expect(first?.headers['content-type']).toMatch(type)
    if (type === undefined) expect(first?.headers).not.toHaveProperty('content-type')
  })

  it('a Request, with all its fields', async () => {
    const { url, requests } = await market()
    const headers = { 'x-api-key': 'mine', 'content-type': 'application/json' }
    await createClient()(new Request(`${url}/a?b#c`, { method: 'PUT', headers, body: '{}' }))
    for (const sent of requests) {
      expect(sent).toMatchObject({ url: `${url}/a?b`, method: 'PUT', body: '{}', headers })
    }
  })

  it('a Request that init changes', async () => {
    const { url, requests } = await market()
    const request = new Request(url, { method: 'PUT', body: 'old', headers: { a: '1' } })
    await createClient()(request, { body: 'new', headers: { b: '2' } })
    expect(requests.map(({ body, headers: { a, b } }) => [body, a, b])).toEqual([
      ['new', undefined, '2'],
      ['new', undefined, '2'],
    ])
  })
})

it('what the caller gives is left as it was', async () => {
  const { url } = await market()
  const headers = new Headers({ a: '1' })
  const init = Object.freeze({ method: 'POST', headers, body: 'x', max: '0.05' })
  const globals = globalThis.fetch
  await createClient()(url, init)
  expect([...headers]).toEqual([['a', '1']])
  expect(init).toEqual({ method: 'POST', headers, body: 'x', max: '0.05' })
  expect(globalThis.fetch).toBe(globals)
})

describe('a body that is longer than is kept in memory', () => {
  it('is refused before anything is sent, and so is its rest', async () => {
    const { url, requests } = await market()
    let isCancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1000)),
      cancel: () => {
        isCancelled = true
      },
    })
    const pay = createClient({ maxBodyBytes: 10_000 })
    const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit
    expect(await errorOf(pay(url, init))).toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining('10000 bytes'),
    })
    expect([requests.length, isCancelled]).toEqual([0, true])
  })

  it('and does not end is given up with its signal', async () => {
    const { url, requests } = await market()
    const stop = new AbortController()
    const [body, cancelled] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()]
    const waiting = new ReadableStream<Uint8Array>({
      pull: () => {
        body.resolve()
        return new Promise(() => {})
      },
      cancel: cancelled.resolve,
    })
    const init = { method: 'POST', body: waiting, duplex: 'half', signal: stop.signal } as RequestInit
    const sent = errorOf(createClient()(url, init))
    await body.promise
    stop.abort(new Error('enough'))
    expect((await sent).message).toBe('enough')
    await cancelled.promise
    expect(requests).toEqual([])
  })

  it('may be a Blob, which is read again for every sending', async () => {
    const { url, requests } = await market()
    const blob = new Blob(Array.from({ length: 100 }, () => 'x'.repeat(1000)))
    const pay = createClient({ maxBodyBytes: 10_000 })
    expect((await pay(url, { method: 'POST', body: blob })).status).toBe(200)
    expect(requests.map(({ body }) => body?.length)).toEqual([100_000, 100_000])
  })
})

describe('a caller that pays by itself', () => {
  it.each([
    ['payment-signature', 'mine'],
    ['x-payment', 'mine'],
    ['authorization', 'Payment mine'],
  ])('with %s is let through', async (name, value) => {
    const opened = await openMarket(({ request }) => ask(request.url))
    open.push(opened)
    const answer = await createClient()(opened.url, { headers: { [name]: value } })
    expect([answer.status, opened.requests.length]).toEqual([402, 1])
  })

  it('does not have its payment taken elsewhere by a redirect', async () => {
    const thief = await openMarket(() => new Response('thanks'))
    const opened = await openMarket(() => Response.redirect(thief.url, 307))
    open.push(thief, opened)
    const answer = await createClient()(opened.url, { headers: { 'payment-signature': 'mine' } })
    expect([answer.status, thief.requests]).toEqual([307, []])
  })
})

it.each([200, 204, 301, 401, 404, 500])(
  'an answer of %i that asks for nothing is returned as it is',
  async (status) => {
    const opened = await openMarket(() => new Response(null, { status }))
    open.push(opened)
    const pay = createClient()
    const answer = await pay(opened.url, { redirect: 'manual' })
    expect([answer.status, opened.requests.length]).toEqual([status, 1])
    expect(opened.requests[0]?.headers).not.toHaveProperty('idempotency-key')
    expect(await pay.attempts()).toEqual([])
  },
)

it.each([
  [{ wallet: {} }, 'payFetch.wallet'],
  [{ wallet: { address: '0x12', signTypedData: async () => '0x' } }, 'payFetch.wallet'],
  [{ rpc: { base: 'http://localhost' } }, 'payFetch.rpc'],
  [{ rpc: { 'eip155:1': 'ftp://localhost' } }, 'rpc.url'],
  [{ tempoMode: 'both' }, 'payFetch.tempoMode'],
  [{ patienceMs: -1 }, 'payFetch.patienceMs'],
  [{ maxBodyBytes: 0.5 }, 'payFetch.maxBodyBytes'],
  [{ answerTimeoutMs: 0 }, 'payFetch.answerTimeoutMs'],
  [{ retries: 3 }, 'payFetch.retries'],
  [{ policy: { protocols: ['l402'] } }, 'policy.protocols'],
  [{ policy: { networks: [] } }, 'policy.networks'],
  [{ policy: { networks: ['base'] } }, 'policy.networks'],
  [{ policy: { assets: [] } }, 'policy.assets'],
  [{ policy: { origins: ['shop.example'] } }, 'policy.origins'],
  [{ policy: { recipients: ['0x12'] } }, 'policy.recipients'],
  [{ policy: { prefer: 'dearest' } }, 'policy.prefer'],
  [{ policy: { approve: true } }, 'policy.approve'],
  [{ policy: { pay: true } }, 'policy.pay'],
])('options are checked: %j', (options, name) => {
  expect(() => createClient(options as never)).toThrow(name)
})
