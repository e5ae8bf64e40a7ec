import type { describe as Describe, expect as Expect, it as It } from 'vitest'
import type { Grant, RouteOptions } from '../../src/index.ts'
import { codeOf, createSeller } from '../gate/scripted.ts'

/** What a handler sees, whatever the framework calls it. */
export interface Visit {
  readonly grant: Grant
  /** The request's body, as the framework streams it to a handler. */
  body(): AsyncIterable<Uint8Array>
  /** Resolves when the client went away. */
  readonly gone: Promise<unknown>
}

/** What a handler answers, whatever the framework calls it. */
export interface Reply {
  /** Default 200. */
  readonly status?: number
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Default empty. A stream is sent as it comes. */
  readonly body?: string | AsyncIterable<string>
  /** One of the adapter's {@link Adapter.ways} or {@link Adapter.failures}, which then decide status and body. */
  readonly way?: string
}

/** A running server with one paid route for all methods and paths. */
export interface Served {
  readonly url: string
  close(): Promise<void>
}

/** An adapter, with a framework around it. */
export interface Adapter {
  /** Every way in which a handler can answer `hello`, or with an empty body. */
  readonly ways: readonly string[]
  /** Every way in which a handler can fail. */
  readonly failures: readonly string[]
  serve(
    coffer: ReturnType<typeof createSeller>['coffer'],
    options: RouteOptions,
    handler: (visit: Visit) => Promise<Reply>,
  ): Promise<Served>
}

/** The parts of a test runner that the contract needs. */
export interface AdapterRunner {
  readonly describe: typeof Describe
  readonly it: typeof It
  readonly expect: typeof Expect
}

const ROUTE: RouteOptions = { price: '0.01' }

/** Proves that an adapter only translates: whatever the gate decides reaches the wire, however the handler answers. */
export function adapterContract({ describe, it, expect }: AdapterRunner, adapter: Adapter): void {
  /** A seller behind the adapter. `use` gets a client of it; counts are of handler runs and of settlements. */
  async function serving(
    handler: (visit: Visit, run: number) => Promise<Reply> | Reply,
    use: (shop: Shop) => Promise<void>,
    { route = ROUTE, ...options }: { route?: RouteOptions } & Parameters<typeof createSeller>[0] = {},
  ): Promise<void> {
    const seller = createSeller(options)
    let runs = 0
    const served = await adapter.serve(seller.coffer, route, async (visit) => handler(visit, ++runs))
    try {
      await use({
        url: served.url,
        advance: seller.advance,
        runs: () => runs,
        settlements: () => seller.script.calls.filter((call) => call === 'settle').length,
        call: (credential, init = {}) => {
          const headers = new Headers(init.headers)
          if (credential !== null) headers.set('x-scripted', credential)
          return fetch(`${served.url}/report?q=1`, { redirect: 'manual', ...init, headers })
        },
      })
    } finally {
      await served.close()
    }
  }

  describe('an unpaid request', () => {
    it('gets a 402 that is never cached, and the handler does not run', () =>
      serving(
        () => ({ body: 'secret' }),
        async ({ call, runs }) => {
          const answer = await call(null)
          expect(answer.status).toBe(402)
          expect(answer.headers.get('cache-control')).toBe('no-store')
          expect(answer.headers.get('content-type')).toBe('application/problem+json')
          expect(answer.headers.get('x-challenge')).toBe('GET /report?q=1')
          expect(await codeOf(answer)).toBe('payment-required')
          expect(runs()).toBe(0)
        },
      ))

    it('fault 4: HEAD does not run a GET handler unpaid', () =>
      serving(
        () => ({ body: 'secret' }),
        async ({ call, runs }) => {
          const answer = await call(null, { method: 'HEAD' })
          expect(answer.status).toBe(402)
          expect(answer.headers.get('x-challenge')).toBe('GET /report?q=1')
          expect(await answer.text()).toBe('')
          expect(runs()).toBe(0)
        },
      ))

    it('OPTIONS is free: a preflight is answered 204 and the handler does not run', () =>
      serving(
        () => ({ body: 'secret' }),
        async ({ call, runs, settlements }) => {
          const headers = { origin: 'https://agent.test', 'access-control-request-method': 'POST' }
          const answer = await call(null, { method: 'OPTIONS', headers })
          expect(answer.status).toBe(204)
          expect(answer.headers.get('access-control-allow-methods')).toBe('POST')
          expect(answer.headers.get('access-control-allow-headers')).toContain('PAYMENT-SIGNATURE')
          expect([runs(), settlements()]).toEqual([0, 0])
        },
      ))

    it('is counted by the address of the connection', () =>
      serving(
        () => ({}),
        async ({ call }) => {
          const headers = { 'x-forwarded-for': '192.0.2.1' }
          const statuses = [await call(null), await call(null, { headers })].map((answer) => answer.status)
          expect(statuses).toEqual([402, 429])
        },
        { challengeLimit: { max: 1 } },
      ))
  })

  describe('a paid request', () => {
    it('gives the handler its grant', async () => {
      const grants: Grant[] = []
      await serving(
        ({ grant }) => {
          grants.push(grant)
          return { body: 'hello' }
        },
        async ({ call }) => {
          const answer = await call('a')
          expect(await answer.text()).toBe('hello')
          expect(grants).toHaveLength(1)
          expect(grants[0]?.payment).toMatchObject({ protocol: 'x402', amount: '0.01', redeemed: false })
          expect(grants[0]?.payment.paymentId).toBe(answer.headers.get('x-receipt'))
          expect(grants[0]?.wallet).toMatchObject({ id: 'main', chain: 'eip155:1' })
        },
      )
    })

    it.each(adapter.ways)('fault 11: %s gives the receipt, once, and delivers', (way) =>
      serving(
        () => ({ way }),
        async ({ call, runs, settlements }) => {
          const answer = await call('a')
          expect(answer.status).toBeLessThan(400)
          expect(answer.headers.get('x-receipt')).toMatch(/^pay_[\w-]+$/)
          expect(answer.headers.get('cache-control')).toBe('private')
          if (answer.status === 200) expect(await answer.text()).toMatch(/^("?hello"?)?$/)
          const again = await call('a')
          expect(again.status).toBe(409)
          expect(await codeOf(again)).toBe('duplicate-payment')
          expect([runs(), settlements()]).toEqual([1, 1])
        },
      ),
    )

    it('HEAD pays for the GET handler, and has no body', () =>
      serving(
        () => ({ body: 'hello' }),
        async ({ call, runs }) => {
          const answer = await call('a', { method: 'HEAD' })
          expect(answer.status).toBe(200)
          expect(answer.headers.get('x-receipt')).not.toBeNull()
          expect(await answer.text()).toBe('')
          expect((await call('a')).status).toBe(409)
          expect(runs()).toBe(1)
        },
      ))

    it('keeps several Set-Cookie fields apart', () =>
      serving(
        () => ({
          headers: [
            ['set-cookie', 'a=1; Expires=Wed, 21 Oct 2030 07:28:00 GMT'],
            ['set-cookie', 'b=2'],
          ],
        }),
        async ({ call }) => {
          const answer = await call('a')
          expect(answer.headers.getSetCookie()).toEqual(['a=1; Expires=Wed, 21 Oct 2030 07:28:00 GMT', 'b=2'])
        },
      ))

    it.each([
      ['public, max-age=600', 'private'],
      ['no-store', 'no-store'],
    ])('case 23: Cache-Control %s becomes %s', (given, expected) =>
      serving(
        () => ({ headers: [['cache-control', given]] }),
        async ({ call }) => {
          const answer = await call('a')
          expect(answer.headers.get('cache-control')).toBe(expected)
        },
      ),
    )

    it('case 24: a script in a browser may read the challenge and the receipt', () =>
      serving(
        () => ({}),
        async ({ call }) => {
          for (const answer of [await call(null), await call('a')]) {
            expect(answer.headers.get('access-control-allow-origin')).toBe('*')
            const exposed = answer.headers.get('access-control-expose-headers')
            for (const name of [
              'WWW-Authenticate',
              'PAYMENT-REQUIRED',
              'PAYMENT-RESPONSE',
              'Payment-Receipt',
            ]) {
              expect(exposed).toContain(name)
            }
          }
        },
      ))
  })

  describe('a handler that fails', () => {
    it.each(adapter.failures)('fault 5: %s gives no receipt and stays owed, whichever way it fails', (way) =>
      serving(
        (_, run) => (run === 1 ? { way } : { body: 'hello' }),
        async ({ call, runs, settlements }) => {
          const failed = await call('a')
          expect(failed.status).toBeGreaterThanOrEqual(400)
          expect(failed.headers.get('x-receipt')).toBeNull()
          await failed.text()
          const redeemed = await call('a')
          expect(redeemed.status).toBe(200)
          expect(redeemed.headers.get('x-receipt')).toMatch(/^pay_/)
          expect(await redeemed.text()).toBe('hello')
          expect((await call('a')).status).toBe(409)
          expect([runs(), settlements()]).toEqual([2, 1])
        },
      ),
    )

    it.each([400, 404, 500])('a %i does the same', (status) =>
      serving(
        (_, run) => ({ status: run === 1 ? status : 200 }),
        async ({ call, settlements }) => {
          const answers = [await call('a'), await call('a'), await call('a')]
          expect(answers.map((answer) => answer.status)).toEqual([status, 200, 409])
          expect(answers.map((answer) => answer.headers.has('x-receipt'))).toEqual([false, true, false])
          expect(settlements()).toBe(1)
        },
      ),
    )

    it('that answers after another request has redeemed its payment is not heard', async () => {
      const stalled = Promise.withResolvers<void>()
      const started = Promise.withResolvers<void>()
      await serving(
        async (_, run) => {
          started.resolve()
          if (run === 1) await stalled.promise
          return { body: `hello ${run}` }
        },
        async ({ call, advance, settlements }) => {
          const first = call('a').then(
            async (answer) => `${answer.status} ${await codeOf(answer)}`,
            () => 'connection cut',
          )
          await started.promise
          advance(301_000)
          expect(await (await call('a')).text()).toBe('hello 2')
          stalled.resolve()
          expect(['connection cut', '409 payment-in-flight']).toContain(await first)
          expect(settlements()).toBe(1)
        },
      )
    })
  })

  describe('a client that goes away', () => {
    it('before the answer is owed it: the same credential runs the handler again', async () => {
      const left = Promise.withResolvers<unknown>()
      const started = Promise.withResolvers<void>()
      await serving(
        async ({ gone }, run) => {
          if (run > 1) return { body: 'hello' }
          started.resolve()
          left.resolve(await gone)
          return { body: 'to nobody' }
        },
        async ({ call, runs, settlements }) => {
          const client = new AbortController()
          const aborted = call('a', { signal: client.signal }).catch(() => 'aborted')
          await started.promise
          client.abort()
          expect(await aborted).toBe('aborted')
          await left.promise
          let answer = await call('a')
          while (answer.status === 409 && (await codeOf(answer)) === 'payment-in-flight')
            answer = await call('a')
          expect(await answer.text()).toBe('hello')
          expect([runs(), settlements()]).toEqual([2, 1])
        },
      )
    })
  })

  describe('a stream', () => {
    it('fault 6: reaches the client byte by byte, while the handler is still writing', async () => {
      const seen = Promise.withResolvers<void>()
      async function* events(): AsyncGenerator<string> {
        yield 'data: 1\n\n'
        await seen.promise
        yield 'data: 2\n\n'
      }
      await serving(
        () => ({ headers: [['content-type', 'text/event-stream']], body: events() }),
        async ({ call }) => {
          const answer = await call('a')
          expect(answer.headers.get('x-receipt')).toMatch(/^pay_/)
          const reader = textOf(answer)
          expect((await reader.next()).value).toBe('data: 1\n\n')
          seen.resolve()
          expect((await reader.next()).value).toBe('data: 2\n\n')
          expect((await reader.next()).done).toBe(true)
          expect((await call('a')).status).toBe(409)
        },
      )
    })

    it('fault 6: without end is read as it comes, and stops when the client has had enough', async () => {
      const stopped = Promise.withResolvers<string>()
      async function* ticks(): AsyncGenerator<string> {
        try {
          for (let tick = 0; ; tick++) {
            await new Promise(setImmediate)
            yield `${tick}\n`
          }
        } finally {
          stopped.resolve('stopped')
        }
      }
      await serving(
        () => ({ body: ticks() }),
        async ({ call }) => {
          const client = new AbortController()
          const answer = await call('a', { signal: client.signal })
          let text = ''
          for await (const chunk of textOf(answer)) {
            text += chunk
            if (text.includes('\n10\n')) break
          }
          expect(text).toMatch(/^0\n1\n2\n/)
          client.abort()
          expect(await stopped.promise).toBe('stopped')
        },
      )
    })
  })

  describe('a body', () => {
    const MIB = 2 ** 20

    it('of 20 MB streams through: the handler reads it while it is sent, and little waits in between', async () => {
      const total = 20 * MIB
      let sent = 0
      let received = 0
      let atFirstByte = 0
      let mostWaiting = 0
      async function* upload(): AsyncGenerator<Uint8Array> {
        for (; sent < total; sent += 65_536) yield new Uint8Array(65_536).fill(7)
      }
      await serving(
        async ({ body }) => {
          for await (const chunk of body()) {
            if (received === 0) atFirstByte = sent
            received += chunk.length
            mostWaiting = Math.max(mostWaiting, sent - received)
            await new Promise(setImmediate)
          }
          return { body: String(received) }
        },
        async ({ call }) => {
          const answer = await call('a', streaming(upload()))
          expect(await answer.text()).toBe(String(total))
          expect(atFirstByte).toBeLessThan(total / 2)
          expect(mostWaiting).toBeLessThan(total / 2)
        },
      )
    })

    it.each([
      ['not bound', ROUTE],
      ['bound by the route', { ...ROUTE, bindBody: true }],
    ])('%s reaches the handler byte for byte', async (_, route) => {
      const sent = Uint8Array.from({ length: 300_000 }, (_, at) => (at * at) % 251)
      await serving(
        async ({ body }) => ({ body: await hexOf(body()) }),
        async ({ call }) => {
          const expected = Buffer.from(sent).toString('hex')
          expect(await (await call('a', { method: 'POST', body: sent })).text()).toBe(expected)
          expect(await (await call('b', streaming([sent.subarray(0, 9), sent.subarray(9)]))).text()).toBe(
            expected,
          )
          expect(await (await call('c', { method: 'POST', body: '' })).text()).toBe('')
          expect(await (await call('d', streaming([]))).text()).toBe('')
        },
        { route },
      )
    })

    it('that a route binds shows its digest in the challenge', () =>
      serving(
        () => ({}),
        async ({ call }) => {
          const answer = await call(null, { method: 'POST', body: 'hello' })
          const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from('hello'))).toString(
            'base64',
          )
          expect(await answer.json()).toMatchObject({ status: 402, digest: `sha-256=:${digest}:` })
        },
        { route: { ...ROUTE, bindBody: true } },
      ))

    it('case 22: over its limit is refused while it streams, with or without Content-Length', () =>
      serving(
        () => ({}),
        async ({ call, runs }) => {
          const body = new Uint8Array(5 * MIB)
          expect((await call('a', { method: 'POST', body })).status).toBe(413)
          expect((await call('a', streaming([body]))).status).toBe(413)
          expect((await call('a', { method: 'POST', body: 'small' })).status).toBe(200)
          expect(runs()).toBe(1)
        },
        { route: { ...ROUTE, bindBody: { maxBytes: MIB } } },
      ))
  })
}

/** A client of the seller under test. */
interface Shop {
  readonly url: string
  /** Calls the paid route with a credential, or without. */
  call(credential: string | null, init?: RequestInit): Promise<Response>
  advance(ms: number): void
  runs(): number
  settlements(): number
}

/** A POST whose body is sent chunked. */
function streaming(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): RequestInit & { duplex: 'half' } {
  const body = (async function* () {
    yield* chunks
  })()
  const stream = new ReadableStream({
    async pull(controller) {
      const { done, value } = await body.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
  return { method: 'POST', body: stream, duplex: 'half' }
}

async function* textOf(response: Response): AsyncGenerator<string> {
  if (response.body) yield* response.body.pipeThrough(new TextDecoderStream())
}

async function hexOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += Buffer.from(chunk).toString('hex')
  return text
}
