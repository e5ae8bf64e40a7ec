import { describe, expect, it } from 'vitest'
import { codeOf, createSeller, request } from './scripted.ts'

const ROUTE = { price: '0.01' }
const URL = 'https://api.test/report'

type Seller = ReturnType<typeof createSeller>

const keyed = (credential: string, key: string | null, body = 'question', method = 'POST'): Request =>
  request(credential, URL, { method, body, headers: key === null ? {} : { 'idempotency-key': key } })

async function buy(seller: Seller, asking: Request, answer: () => Response): Promise<Response> {
  const outcome = await seller.coffer.handle(asking, ROUTE)
  return outcome instanceof Response ? outcome : outcome.finish(answer())
}

const settlements = (seller: Seller): number => seller.script.calls.filter((call) => call === 'settle').length

describe('a request with an idempotency key', () => {
  it.each(['key-1', '"key 1"', '"quo\\"ted"', 'a'.repeat(255)])(
    'brings its answer back, byte for byte: %s (case 13)',
    async (key) => {
      const seller = createSeller()
      const bytes = crypto.getRandomValues(new Uint8Array(1000))
      const headers = { 'content-type': 'application/octet-stream', 'set-cookie': 'a=1', 'x-own': 'kept' }
      const first = await buy(seller, keyed('a', key), () => new Response(bytes, { status: 201, headers }))
      expect(new Uint8Array(await first.arrayBuffer())).toEqual(bytes)

      const again = await buy(seller, keyed('a', key), () => expect.unreachable())
      expect(again.status).toBe(201)
      expect(new Uint8Array(await again.arrayBuffer())).toEqual(bytes)
      for (const name of [
        'content-type',
        'x-own',
        'x-receipt',
        'cache-control',
        'access-control-expose-headers',
      ]) {
        expect(again.headers.get(name)).toBe(first.headers.get(name))
      }
      expect(again.headers.get('set-cookie')).toBeNull()
      expect(settlements(seller)).toBe(1)
    },
  )

  it('is the same request for whichever credential its payer sends, and is charged once', async () => {
    const seller = createSeller()
    await (await buy(seller, keyed('a', 'key'), () => new Response('answer'))).text()
    const again = await buy(seller, keyed('b', 'key'), () => expect.unreachable())
    expect(await again.text()).toBe('answer')
    expect(settlements(seller)).toBe(1)
    expect((await seller.coffer.handle(keyed('b', 'other'), ROUTE)) instanceof Response).toBe(false)
  })

  it('redeems what is owed with a fresh credential, which stays unspent', async () => {
    const seller = createSeller()
    await buy(seller, keyed('a', 'key'), () => new Response('', { status: 500 }))
    const again = await buy(seller, keyed('b', 'key'), () => new Response('answer'))
    expect(await again.text()).toBe('answer')
    expect(settlements(seller)).toBe(1)
  })

  it('does not settle a fresh credential for a payment in doubt', async () => {
    const seller = createSeller()
    seller.script.settle = async () => ({ outcome: 'unknown', transaction: null, detail: 'time-out' })
    await buy(seller, keyed('a', 'key'), () => expect.unreachable())
    seller.script.reconcile = async () => ({ outcome: 'unsent', detail: 'unused' })
    const again = await buy(seller, keyed('b', 'key'), () => expect.unreachable())
    expect(again.status).toBe(503)
    expect(settlements(seller)).toBe(1)
  })

  it.each<[string, () => Request]>([
    ['another body', () => keyed('a', 'key', 'other')],
    ['another body and credential', () => keyed('b', 'key', 'other')],
  ])('with %s is refused (case 13)', async (_name, other) => {
    const seller = createSeller()
    await (await buy(seller, keyed('a', 'key'), () => new Response('answer'))).text()
    const refused = await buy(seller, other(), () => expect.unreachable())
    expect(refused.status).toBe(409)
    expect(await codeOf(refused)).toBe('idempotency-conflict')
    expect(settlements(seller)).toBe(1)
  })

  it('is refused with another key, or none', async () => {
    const seller = createSeller()
    await (await buy(seller, keyed('a', 'key'), () => new Response('answer'))).text()
    for (const key of ['other', null]) {
      expect(await codeOf(await buy(seller, keyed('a', key), () => expect.unreachable()))).toBe(
        'duplicate-payment',
      )
    }
  })

  it('may use its key again when nothing was bought with it', async () => {
    const seller = createSeller()
    seller.script.settle = async () => ({ outcome: 'failed', cause: 'empty', detail: '' })
    expect((await buy(seller, keyed('a', 'key'), () => expect.unreachable())).status).toBe(402)
    const { settle } = createSeller().script
    seller.script.settle = settle
    expect((await buy(seller, keyed('b', 'key'), () => new Response('answer'))).status).toBe(200)
  })

  it.each(['', '"', 'two words', 'a'.repeat(256), '"café"'])(
    'that is malformed is a 400: %s',
    async (key) => {
      const seller = createSeller()
      const answer = (await seller.coffer.handle(keyed('a', key), ROUTE)) as Response
      expect(answer.status).toBe(400)
      expect(seller.script.calls).toEqual([])
    },
  )

  it('hands the body on that it read', async () => {
    const { coffer } = createSeller()
    const paid = keyed('a', 'key', 'question')
    expect(await coffer.handle(paid, ROUTE)).toHaveProperty('grant')
    expect(await paid.text()).toBe('question')
  })

  it('gets its answer for as long as it is kept', async () => {
    const seller = createSeller({ results: { ttl: 3600 } })
    await (await buy(seller, keyed('a', 'key'), () => new Response('answer'))).text()
    seller.advance(3_599_000)
    expect((await buy(seller, keyed('a', 'key'), () => expect.unreachable())).status).toBe(200)
    seller.advance(2000)
    const late = await buy(seller, keyed('a', 'key'), () => expect.unreachable())
    expect(await codeOf(late)).toBe('result-unavailable')
  })
})

describe('an answer that is kept', () => {
  it('comes back with the fields that it went out with, each once', async () => {
    const seller = createSeller({ cors: ['https://agent.test'] })
    const headers = { 'cache-control': 'public, max-age=60', vary: 'Accept', 'x-own': 'kept' }
    const asking = () => {
      const request = keyed('a', 'key')
      request.headers.set('origin', 'https://agent.test')
      return request
    }
    const first = await buy(seller, asking(), () => new Response('answer', { headers }))
    await first.text()
    const again = await buy(seller, asking(), () => expect.unreachable())
    expect([...again.headers]).toEqual([...first.headers])
    expect(again.headers.get('cache-control')).toBe('private')
  })

  const chunk = (size: number) => new Uint8Array(size).fill(7)

  it('streams to the payer as it comes', async () => {
    const seller = createSeller()
    let enqueue: (text: string) => void = () => {}
    let close = (): void => {}
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        enqueue = (text) => controller.enqueue(new TextEncoder().encode(text))
        close = () => controller.close()
      },
    })
    const reader = (await buy(seller, keyed('a', 'key'), () => new Response(body))).body?.getReader()
    enqueue('first')
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first')
    expect(await codeOf(await buy(seller, keyed('a', 'key'), () => expect.unreachable()))).toBe(
      'payment-in-flight',
    )
    enqueue('last')
    close()
    while (!(await reader?.read())?.done);
    expect(await (await buy(seller, keyed('a', 'key'), () => expect.unreachable())).text()).toBe('firstlast')
  })

  it.each([
    ['GET', 204, null],
    ['GET', 304, null],
    ['GET', 200, ''],
    ['HEAD', 200, 'what GET would answer'],
  ])('to %s with status %i and the body %j comes back without one', async (method, status, body) => {
    const seller = createSeller()
    const asking = () => request('a', undefined, { method, headers: { 'idempotency-key': 'key' } })
    const headers = { etag: '"1"' }
    await (await buy(seller, asking(), () => new Response(body, { status, headers }))).text()
    const again = await buy(seller, asking(), () => expect.unreachable())
    expect([again.status, again.headers.get('etag'), again.body]).toEqual([status, '"1"', null])
  })

  it('may be written in text, as some servers let a stream be', async () => {
    const seller = createSeller()
    const body = new ReadableStream({
      start(controller) {
        for (const text of ['fïrst, ', 'last']) controller.enqueue(text)
        controller.close()
      },
    })
    const answer = await buy(seller, keyed('a', 'key'), () => new Response(body))
    expect(await answer.text()).toBe('fïrst, last')
    const again = await buy(seller, keyed('a', 'key'), () => expect.unreachable())
    expect(await again.text()).toBe('fïrst, last')
  })

  it('is whole even when the payer went away in the middle', async () => {
    const seller = createSeller()
    let left = 5
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => (left-- > 0 ? controller.enqueue(chunk(100)) : controller.close()),
    })
    const reader = (await buy(seller, keyed('a', 'key'), () => new Response(body))).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    const again = await buy(seller, keyed('a', 'key'), () => expect.unreachable())
    expect((await again.arrayBuffer()).byteLength).toBe(500)
  })

  it('stays owed when the handler broke it off', async () => {
    const seller = createSeller()
    let pulls = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        pulls++ === 0 ? controller.enqueue(chunk(1)) : controller.error(new Error('broken')),
    })
    const answer = await buy(seller, keyed('a', 'key'), () => new Response(body))
    await expect(answer.text()).rejects.toThrow('broken')
    expect((await buy(seller, keyed('a', 'key'), () => new Response('whole'))).status).toBe(200)
    expect(settlements(seller)).toBe(1)
  })

  it('past the limit goes out whole, once, and says so afterwards', async () => {
    const seller = createSeller({ results: { maxBytes: 1000 } })
    const answer = await buy(seller, keyed('a', 'key'), () => new Response(chunk(1001)))
    expect((await answer.arrayBuffer()).byteLength).toBe(1001)
    const again = await buy(seller, keyed('a', 'key'), () => expect.unreachable())
    expect(await codeOf(again)).toBe('result-unavailable')
  })

  it('without an end is not read on when the payer is gone and it is too large to keep', async () => {
    const seller = createSeller({ results: { maxBytes: 1000 } })
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(chunk(100)),
      cancel() {
        isCancelled = true
      },
    })
    const reader = (await buy(seller, keyed('a', 'key'), () => new Response(body))).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect(isCancelled).toBe(true)
  })

  it('without an end is not read on either when the payer was gone before it began', async () => {
    const seller = createSeller({ results: { maxBytes: 1000 } })
    let pulls = 0
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ > 100) controller.error(new Error('read on'))
        else controller.enqueue(chunk(100))
      },
      cancel() {
        isCancelled = true
      },
    })
    const gone = new AbortController()
    const asking = new Request(keyed('a', 'key'), { signal: gone.signal })
    const outcome = await seller.coffer.handle(asking, ROUTE)
    if (outcome instanceof Response) throw new Error(`expected Next, got ${outcome.status}`)
    gone.abort()
    await outcome.finish(new Response(body))
    expect([isCancelled, await outcome.recorded]).toEqual([true, true])
    expect(await codeOf(await buy(seller, keyed('a', 'key'), () => expect.unreachable()))).toBe(
      'result-unavailable',
    )
  })

  it('is not kept without a key', async () => {
    const seller = createSeller()
    const answer = await buy(seller, keyed('a', null), () => new Response('answer'))
    expect(await answer.text()).toBe('answer')
    expect(await codeOf(await buy(seller, keyed('a', 'key'), () => expect.unreachable()))).toBe(
      'duplicate-payment',
    )
  })
})

describe('a route that asks for a key', () => {
  it('refuses a credential without one before anything is verified', async () => {
    const { coffer, script } = createSeller()
    const route = { price: '0.01', requireIdempotency: true }
    const answer = (await coffer.handle(keyed('a', null), route)) as Response
    expect(answer.status).toBe(400)
    expect(script.calls).toEqual([])
    expect((await coffer.handle(keyed('a', 'key'), route)) instanceof Response).toBe(false)
  })
})
