import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { describe, expect, it } from 'vitest'
import { paid } from '../../adapters/express.ts'
import { CofferError, type RouteOptions, type Store } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createSeller, SETTLED } from '../gate/scripted.ts'
import { serve, versions } from './express-app.ts'
import { dial, exchange } from './server.ts'

const ROUTE: RouteOptions = { price: '0.01' }
const PAID = { headers: { 'x-scripted': 'a' } }

describe.each(versions)('a request to paid() for %s', (_, express) => {
  describe('the request', () => {
    it('is named by the whole path, also under a router', async () => {
      const { coffer } = createSeller()
      const router = express.Router().get('/report', paid(coffer, ROUTE))
      await serve(
        express,
        (app) => app.use('/v1', router),
        async (url) => {
          expect((await fetch(`${url}/v1/report?q=1`)).headers.get('x-challenge')).toBe('GET /v1/report?q=1')
        },
      )
    })

    it('that asks for permission first is answered for a route that is mounted for OPTIONS too', async () => {
      const { coffer } = createSeller()
      const charge = paid(coffer, ROUTE)
      await serve(
        express,
        (app) => app.options('/', charge).get('/', charge),
        async (url) => {
          const headers = { origin: 'https://agent.test', 'access-control-request-method': 'GET' }
          const answer = await fetch(url, { method: 'OPTIONS', headers })
          expect(answer.status).toBe(204)
          expect(answer.headers.get('access-control-allow-origin')).toBe('*')
        },
      )
    })

    it('that has no valid Host is answered 400', async () => {
      const { coffer } = createSeller()
      await serve(
        express,
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
      await serve(
        express,
        (app) => app.get('/', paid(coffer, ROUTE), (_, res) => void res.send('free!')).use(onError),
        async (url) => {
          expect((await fetch(url, PAID)).status).toBe(500)
          expect(codes).toEqual(['store-failed'])
          expect(script.calls).not.toContain('settle')
        },
      )
    })

    it.each(['before', 'after'] as const)(
      'whose client left may still be answered, settling %s',
      async (settle) => {
        const { coffer } = createSeller()
        const started = Promise.withResolvers<void>()
        const answered = Promise.withResolvers<void>()
        const errors: unknown[] = []
        const onError: ErrorRequestHandler = (error, _, res, _next) => {
          errors.push(error)
          res.end()
        }
        await serve(
          express,
          (app) => {
            app.get('/', paid(coffer, { ...ROUTE, settle }), async (_, res) => {
              started.resolve()
              await once(res, 'close')
              res.write('hello')
              res.end('to nobody')
              answered.resolve()
            })
            app.use(onError)
          },
          async (url) => {
            const client = new AbortController()
            const aborted = fetch(url, { ...PAID, signal: client.signal }).catch(() => 'aborted')
            await started.promise
            client.abort()
            expect(await aborted).toBe('aborted')
            await answered.promise
            expect(errors).toEqual([])
          },
        )
      },
    )

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
      await serve(
        express,
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
      await serve(
        express,
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
      await serve(
        express,
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

    it('that was begun for its idempotency key, and that the handler does not want, leaves the connection good', async () => {
      const { coffer } = createSeller()
      await serve(
        express,
        (app) => app.post('/', paid(coffer, ROUTE), (_, res) => void res.status(422).send('no')),
        async (url) => {
          const client = await dial(Number(new URL(url).port))
          const upload = ['X-Scripted: a', 'Idempotency-Key: key', `Content-Length: ${80 * 65_536}`]
          client.write(['POST / HTTP/1.1', 'Host: h', ...upload, '', ''].join('\r\n'))
          for (let at = 0; at < 80; at++) {
            if (!client.write('x'.repeat(65_536))) await once(client, 'drain')
          }
          client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
          let answers = ''
          for await (const chunk of client.setEncoding('latin1')) answers += chunk
          expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 422', 'HTTP/1.1 404'])
        },
      )
    })

    it('of which the handler takes the rest when it has answered is left to it', async () => {
      const { coffer } = createSeller()
      const taken = Promise.withResolvers<number>()
      const handle: RequestHandler = async (req, res) => {
        let length = 0
        for await (const chunk of req) {
          if (length === 0) res.end('begun')
          length += chunk.length
        }
        taken.resolve(length)
      }
      await serve(
        express,
        (app) => app.post('/', paid(coffer, ROUTE), handle),
        async (url) => {
          const client = await dial(Number(new URL(url).port))
          const upload = ['X-Scripted: a', 'Idempotency-Key: key', `Content-Length: ${80 * 65_536}`]
          client.write(['POST / HTTP/1.1', 'Host: h', ...upload, '', ''].join('\r\n'))
          for (let at = 0; at < 80; at++) {
            if (at === 40) await once(client, 'data')
            if (!client.write('x'.repeat(65_536))) await once(client, 'drain')
          }
          expect(await taken.promise).toBe(80 * 65_536)
          client.destroy()
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
      await serve(
        express,
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

async function digestOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', Buffer.from(text))
  return `sha-256=:${Buffer.from(hash).toString('base64')}:`
}
