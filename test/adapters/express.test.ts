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
import { codeOf, createSeller } from '../gate/scripted.ts'
import { adapterContract } from './contract.ts'
import { answers, expressAdapter, serve, versions } from './express-app.ts'

const ROUTE: RouteOptions = { price: '0.01' }
const PAID = { headers: { 'x-scripted': 'a' } }

describe.each(versions)('paid() for %s', (_, express) => {
  adapterContract({ describe, it, expect }, expressAdapter(express))

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
      await serve(
        express,
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
      await serve(
        express,
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
      await serve(
        express,
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

    it('that is held back counts as given, so that a later error cannot give another', async () => {
      const { coffer, script } = createSeller()
      const steps: unknown[] = []
      const onError: ErrorRequestHandler = (_, _req, res, next) => {
        steps.push(res.headersSent)
        next(new Error('to the default handler'))
      }
      await serve(
        express,
        (app) => {
          app.get('/', paid(coffer, { ...ROUTE, settle: 'after' }), (_, res, next) => {
            steps.push(res.headersSent)
            res.write('hello')
            next(new Error('too late'))
          })
          app.use(onError)
        },
        async (url) => {
          await expect(fetch(url, PAID)).rejects.toThrow()
          expect(steps).toEqual([false, true])
          expect(script.calls).not.toContain('settle')
        },
      )
    })

    it('keeps the cookies and the CORS decision of earlier middleware, on a 402 and on a 200', async () => {
      const { coffer } = createSeller()
      await serve(
        express,
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
      await serve(
        express,
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
