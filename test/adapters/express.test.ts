import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import express5 from 'express'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { paid } from '../../adapters/express.ts'
import {
  CofferError,
  type GrantedPayment,
  type GrantedWallet,
  type RouteOptions,
  type Store,
} from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { codeOf, createSeller, SETTLED } from '../gate/scripted.ts'
import { adapterContract } from './contract.ts'
import { answers, expressAdapter, versions } from './express-app.ts'
import { exchange, listen } from './server.ts'

const ROUTE: RouteOptions = { price: '0.01' }
const PAID = { headers: { 'x-scripted': 'a' } }

describe.each(versions)('paid() for %s', (_, express) => {
  adapterContract({ describe, it, expect }, expressAdapter(express))

  /** Serves what `mount` adds to an app, to a client that speaks to it until `use` ends. */
  async function serving(
    mount: (app: ReturnType<typeof express>) => unknown,
    use: (url: string) => Promise<void>,
  ): Promise<void> {
    const app = express().set('env', 'test')
    mount(app)
    const { url, close } = await listen(app)
    await use(url).finally(close)
  }

  it('checks the options at once', () => {
    const { coffer } = createSeller()
    expect(() => paid(coffer, { price: '1e3' })).toThrow(CofferError)
  })

  describe('the answer', () => {
    const ADDED = [
      'x-receipt',
      'cache-control',
      'access-control-allow-origin',
      'access-control-expose-headers',
      'date',
    ]

    async function seen(response: globalThis.Response): Promise<unknown> {
      const fields = [...response.headers].filter(([name]) => !ADDED.includes(name))
      return { status: response.status, text: response.statusText, fields, body: await response.text() }
    }

    it.each(Object.keys(answers))('of %s is what Express sends without us, and the receipt', async (way) => {
      const { coffer } = createSeller()
      const handler: RequestHandler = (_, res, next) => void answers[way]?.(res, next)
      await serving(
        (app) => app.get('/free', handler).get('/paid', paid(coffer, ROUTE), handler),
        async (url) => {
          const init = { redirect: 'manual' } as const
          const free = await seen(await fetch(`${url}/free`, init))
          expect(
            await seen(await fetch(`${url}/paid`, { ...init, headers: { 'x-scripted': 'get' } })),
          ).toEqual(free)
          const head = { ...init, method: 'HEAD' }
          const freeHead = await seen(await fetch(`${url}/free`, head))
          expect(
            await seen(await fetch(`${url}/paid`, { ...head, headers: { 'x-scripted': 'head' } })),
          ).toEqual(freeHead)
        },
      )
    })

    it('begins at once and ends when its delivery is stored, so that a replay is never in flight', async () => {
      const { store, release } = holdingDeliveries()
      const { coffer } = createSeller({ store })
      const steps: string[] = []
      await serving(
        (app) =>
          app.get('/', paid(coffer, ROUTE), (_, res) => {
            res.write('hel')
            res.end('lo', () => steps.push('finished'))
            steps.push(`headersSent ${res.headersSent}`)
          }),
        async (url) => {
          const reader = (await fetch(url, PAID)).body?.pipeThrough(new TextDecoderStream()).getReader()
          expect((await reader?.read())?.value).toBe('hel')
          expect(await codeOf(await fetch(url, PAID))).toBe('payment-in-flight')
          release()
          expect((await reader?.read())?.value).toBe('lo')
          expect((await reader?.read())?.done).toBe(true)
          expect(await codeOf(await fetch(url, PAID))).toBe('duplicate-payment')
          expect(steps).toEqual(['headersSent true', 'finished'])
        },
      )
    })

    it('that ends twice, or goes on after its end, fails as it does without us', async () => {
      const { store, release } = holdingDeliveries()
      const { coffer } = createSeller({ store })
      const failed = Promise.withResolvers<unknown>()
      await serving(
        (app) =>
          app.get('/', paid(coffer, ROUTE), (_, res) => {
            res.on('error', failed.resolve)
            res.end('hello')
            res.end()
            res.write('more')
            release()
          }),
        async (url) => {
          expect(await (await fetch(url, PAID)).text()).toBe('hello')
          expect(await failed.promise).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' })
        },
      )
    })

    it('keeps the cookies and the CORS decision of earlier middleware, on a 402 and on a 200', async () => {
      const { coffer } = createSeller()
      await serving(
        (app) => {
          app.use((_, res, next) => {
            res.cookie('early', '1')
            res.set('access-control-allow-origin', 'https://agent.test')
            res.set('access-control-expose-headers', 'X-Own')
            res.set('vary', 'Origin')
            next()
          })
          app.get('/', paid(coffer, ROUTE), (_, res) => void res.cookie('late', '2').send('hello'))
        },
        async (url) => {
          for (const [init, cookies] of [
            [{}, ['early=1; Path=/']],
            [PAID, ['early=1; Path=/', 'late=2; Path=/']],
          ] as const) {
            const { headers } = await fetch(url, init)
            expect(headers.getSetCookie()).toEqual(cookies)
            expect(headers.get('access-control-allow-origin')).toBe('https://agent.test')
            expect(headers.get('access-control-expose-headers')).toMatch(/^X-Own, .*PAYMENT-REQUIRED/)
            expect(headers.get('vary')).toMatch(/^Origin/)
          }
        },
      )
    })

    it('of an error handler of the application is not a delivery', async () => {
      const { coffer, script } = createSeller()
      const onError: ErrorRequestHandler = (error, _, res, _next) =>
        void res.status(503).json({ failed: error.message })
      await serving(
        (app) =>
          app.get('/', paid(coffer, ROUTE), (_, _res, next) => next(new Error('no stock'))).use(onError),
        async (url) => {
          for (const _ of [1, 2]) {
            const answer = await fetch(url, PAID)
            expect(answer.status).toBe(503)
            expect(answer.headers.get('x-receipt')).toBeNull()
            expect(await answer.json()).toEqual({ failed: 'no stock' })
          }
          expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
        },
      )
    })
  })

  describe('the request', () => {
    it('is named by the whole path, also under a router', async () => {
      const { coffer } = createSeller()
      const router = express.Router().get('/report', paid(coffer, ROUTE))
      await serving(
        (app) => app.use('/v1', router),
        async (url) => {
          expect((await fetch(`${url}/v1/report?q=1`)).headers.get('x-challenge')).toBe('GET /v1/report?q=1')
        },
      )
    })

    it('that has no valid Host is answered 400', async () => {
      const { coffer } = createSeller()
      await serving(
        (app) => app.get('/', paid(coffer, ROUTE)),
        async (url) => {
          const answer = await exchange(Number(new URL(url).port), ['GET / HTTP/1.1', 'Host: evil.test/path'])
          expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
          expect(answer).toContain('"code":"bad-request"')
        },
      )
    })

    it('whose payment cannot be stored fails with the error, unpaid', async () => {
      const store: Store = {
        ...memory(),
        commit: () => Promise.reject(new CofferError('store-failed', 'disk full')),
      }
      const { coffer, script } = createSeller({ store })
      const codes: unknown[] = []
      const onError: ErrorRequestHandler = (error, _, res, _next) => {
        codes.push(error.code)
        res.status(500).end()
      }
      await serving(
        (app) => app.get('/', paid(coffer, ROUTE), (_, res) => void res.send('free!')).use(onError),
        async (url) => {
          expect((await fetch(url, PAID)).status).toBe(500)
          expect(codes).toEqual(['store-failed'])
          expect(script.calls).not.toContain('settle')
        },
      )
    })

    it('whose client left during the settlement does not run the handler, and is owed', async () => {
      const { coffer, script } = createSeller()
      const settling = Promise.withResolvers<void>()
      const left = Promise.withResolvers<unknown>()
      script.settle = async () => {
        settling.resolve()
        await left.promise
        return SETTLED
      }
      let runs = 0
      await serving(
        (app) => {
          app.use((_, res, next) => {
            if (runs === 0) left.resolve(once(res, 'close'))
            next()
          })
          app.get('/', paid(coffer, ROUTE), (_, res) => void res.send(`run ${++runs}`))
        },
        async (url) => {
          const client = new AbortController()
          const aborted = fetch(url, { ...PAID, signal: client.signal }).catch(() => 'aborted')
          await settling.promise
          client.abort()
          expect(await aborted).toBe('aborted')
          let answer = await fetch(url, PAID)
          while (answer.status === 409) answer = await fetch(url, PAID)
          expect(await answer.text()).toBe('run 1')
          expect(script.calls.filter((call) => call === 'settle')).toHaveLength(1)
        },
      )
    })
  })

  describe('a body', () => {
    const BOUND: RouteOptions = { ...ROUTE, bindBody: true }
    const body = '{ "step": 1 }'
    const post = { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-scripted': 'a' } }
    const unpaid = { ...post, headers: { 'content-type': 'application/json' } }
    const echo: RequestHandler = (req, res) => void res.json(req.body)

    it.each([
      ['not bound', ROUTE],
      ['bound', BOUND],
    ])('%s, is parsed by a parser before or after', async (_, route) => {
      const { coffer } = createSeller()
      await serving(
        (app) => {
          app.post('/before', express.json(), paid(coffer, route), echo)
          app.post('/after', paid(coffer, route), express.json(), echo)
        },
        async (url) => {
          expect(await (await fetch(`${url}/before`, post)).json()).toEqual({ step: 1 })
          const other = { ...post, headers: { ...post.headers, 'x-scripted': 'b' } }
          expect(await (await fetch(`${url}/after`, other)).json()).toEqual({ step: 1 })
        },
      )
    })

    it('is bound as it was sent, or as its parser understood it', async () => {
      const { coffer } = createSeller()
      await serving(
        (app) => {
          app.post('/raw', paid(coffer, BOUND))
          app.post('/json', express.json(), paid(coffer, BOUND))
          app.post('/text', express.text({ type: '*/*' }), paid(coffer, BOUND))
          app.post('/bytes', express.raw({ type: '*/*' }), paid(coffer, BOUND))
        },
        async (url) => {
          const digest = async (path: string): Promise<unknown> =>
            ((await (await fetch(url + path, unpaid)).json()) as { digest: unknown }).digest
          expect(await digest('/raw')).toBe(await digestOf(body))
          expect(await digest('/text')).toBe(await digestOf(body))
          expect(await digest('/bytes')).toBe(await digestOf(body))
          expect(await digest('/json')).toBe(await digestOf('{"step":1}'))
        },
      )
    })

    it('that a parser took apart cannot be bound: an error, never a payment', async () => {
      const { coffer, script } = createSeller()
      const errors: string[] = []
      const onError: ErrorRequestHandler = (error, _, res, _next) => {
        errors.push(error.code)
        res.status(500).end()
      }
      const swallow: RequestHandler = (req: IncomingMessage, _, next) => void req.resume().once('end', next)
      const keepFields: RequestHandler = (req, _, next) => {
        req.body = { field: 'only' }
        swallow(req, _, next)
      }
      await serving(
        (app) => {
          app.post('/none', swallow, paid(coffer, BOUND), echo)
          app.post('/fields', keepFields, paid(coffer, BOUND), echo)
          app.use(onError)
        },
        async (url) => {
          const form = new FormData()
          form.set('file', new Blob(['bytes that only the parser has seen']))
          expect((await fetch(`${url}/none`, post)).status).toBe(500)
          expect((await fetch(`${url}/fields`, { ...PAID, method: 'POST', body: form })).status).toBe(500)
          expect(errors).toEqual(['invalid-state', 'invalid-state'])
          expect(script.calls).toEqual([])
        },
      )
    })
  })
})

describe('the types of a handler behind paid()', () => {
  it('know the payment, and still know the parameters of the path', () => {
    const { coffer } = createSeller()
    const app = express5()
    app.get('/:id', paid(coffer, ROUTE), (req, res) => {
      expectTypeOf(req.params).toEqualTypeOf<{ id: string }>()
      expectTypeOf(req.payment).toEqualTypeOf<GrantedPayment | undefined>()
      expectTypeOf(req.wallet).toEqualTypeOf<GrantedWallet | undefined>()
      expectTypeOf(res).toExtend<Response>()
    })
    expectTypeOf(paid(coffer, ROUTE)).toExtend<RequestHandler>()
    expectTypeOf<Request>().toExtend<Parameters<ReturnType<typeof paid>>[0]>()
  })
})

/** A store that holds back the record of every delivery until it is released. */
function holdingDeliveries(): { store: Store; release: () => void } {
  const held = Promise.withResolvers<void>()
  const inner = memory()
  return {
    release: held.resolve,
    store: {
      ...inner,
      async commit(writes) {
        if (writes.some(({ value }) => value?.['delivery'] === 'delivered')) await held.promise
        return inner.commit(writes)
      },
    },
  }
}

async function digestOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', Buffer.from(text))
  return `sha-256=:${Buffer.from(hash).toString('base64')}:`
}
