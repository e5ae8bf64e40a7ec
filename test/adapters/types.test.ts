import type { Request as ExpressRequest, NextFunction, RequestHandler } from 'express'
import express from 'express'
import { Hono } from 'hono'
import { describe, expectTypeOf, it } from 'vitest'
import { paid as paidBun } from '../../adapters/bun.ts'
import { paid as paidDeno } from '../../adapters/deno.ts'
import { paid as paidExpress, payMiddleware, vaultMiddleware } from '../../adapters/express.ts'
import { paid as paidFetch, paidOn } from '../../adapters/fetch.ts'
import { paid as paidHono } from '../../adapters/hono.ts'
import type {
  Grant,
  GrantedPayment,
  GrantedSession,
  GrantedWallet,
  Next,
  RouteOptions,
  Vault,
} from '../../src/index.ts'
import { memoryBlobs } from '../../src/memory.ts'
import { createSeller } from '../gate/scripted.ts'

const { coffer } = createSeller({ vaults: { blobs: memoryBlobs() } })
const PLAIN = { price: '0.01' }
const FULL = { price: '0.01', vault: true, acceptSessions: { scope: 'agents' } } as const
const DYNAMIC: RouteOptions = { price: '0.01' }
const answer = () => new Response()

/** As Deno declares it. */
interface ServeHandlerInfo {
  readonly remoteAddr:
    | { readonly transport: 'tcp' | 'udp'; readonly hostname: string; readonly port: number }
    | { readonly transport: 'unix' | 'unixpacket'; readonly path: string }
  readonly completed: Promise<void>
}
type ServeHandler = (request: Request, info: ServeHandlerInfo) => Response | Promise<Response>

describe('the types of a grant', () => {
  it('hold what the options of its route promise', async () => {
    type GrantOf<Outcome> = Extract<Awaited<Outcome>, Next>['grant']
    const plain = () => coffer.handle(new Request('https://api.test/'), PLAIN)
    expectTypeOf<GrantOf<ReturnType<typeof plain>>['vault']>().toEqualTypeOf<null>()
    expectTypeOf<GrantOf<ReturnType<typeof plain>>['session']>().toEqualTypeOf<null>()
    const full = () => coffer.handle(new Request('https://api.test/'), FULL)
    expectTypeOf<GrantOf<ReturnType<typeof full>>['vault']>().toEqualTypeOf<Vault>()
    expectTypeOf<GrantOf<ReturnType<typeof full>>['session']>().toEqualTypeOf<GrantedSession>()
    expectTypeOf<Grant['vault']>().toEqualTypeOf<Vault | null>()
    expectTypeOf<Grant['session']>().toEqualTypeOf<GrantedSession | null>()
  })

  it('are known to handlers of the Web', () => {
    paidFetch(coffer, { price: '0.01', vault: true }, (request, { payment, wallet, vault, session }) => {
      expectTypeOf(request).toEqualTypeOf<Request>()
      expectTypeOf(payment).toEqualTypeOf<GrantedPayment>()
      expectTypeOf(wallet).toEqualTypeOf<GrantedWallet>()
      expectTypeOf(vault).toEqualTypeOf<Vault>()
      expectTypeOf(session).toEqualTypeOf<null>()
      return answer()
    })
    paidFetch(coffer, DYNAMIC, (_, { vault, session }) => {
      expectTypeOf(vault).toEqualTypeOf<Vault | null>()
      expectTypeOf(session).toEqualTypeOf<GrantedSession | null>()
      return answer()
    })
    const switched: boolean = Math.random() < 2
    paidFetch(coffer, { price: '0.01', vault: switched }, (_, { vault }) => {
      expectTypeOf(vault).toEqualTypeOf<Vault | null>()
      return answer()
    })
  })

  it('go with what a platform passes, whether the handler takes it or not', () => {
    interface Env {
      readonly name: string
    }
    interface Context {
      waitUntil(work: Promise<unknown>): void
    }
    const paidThere = paidOn<[Env, Context]>({ context: (_request, _env, context) => context })
    const short = paidThere(coffer, { price: '0.01', vault: true }, (_, { vault }) => new Response(vault.id))
    expectTypeOf(short).parameters.toEqualTypeOf<[Request, Env, Context]>()
    const long = paidThere(coffer, PLAIN, (_, { payment }, { name }) => new Response(name + payment.payer))
    expectTypeOf(long).parameters.toEqualTypeOf<[Request, Env, Context]>()
  })

  it('are known to handlers of Bun and Deno, beside what those pass themselves', () => {
    const onBun = paidBun(coffer, { price: '0.01', acceptSessions: true }, (request, grant, server) => {
      expectTypeOf(grant).toEqualTypeOf<Grant<false, true>>()
      expectTypeOf(server.requestIP(request)).toEqualTypeOf<{ readonly address: string } | null>()
      return answer()
    })
    expectTypeOf(onBun).parameter(0).toEqualTypeOf<Request>()
    type WithParams = Request & { params: { id: string } }
    const onPath = paidBun(coffer, PLAIN, ({ params }: WithParams) => new Response(params.id))
    expectTypeOf(onPath).parameter(0).toEqualTypeOf<WithParams>()
    const onDeno = paidDeno(coffer, { price: '0.01' }, (_, grant, info: ServeHandlerInfo) => {
      expectTypeOf(grant).toEqualTypeOf<Grant<false, false>>()
      return Response.json(info.remoteAddr)
    })
    expectTypeOf(onDeno).toExtend<ServeHandler>()
    expectTypeOf(paidDeno(coffer, PLAIN, answer)).toExtend<ServeHandler>()
  })

  it('are known to handlers of Hono, behind the middleware only', () => {
    const app = new Hono<{ Variables: { user: string } }>()
    app.post('/:id', paidHono(coffer, { price: '0.01', vault: true }), (c) => {
      expectTypeOf(c.var.payment).toEqualTypeOf<GrantedPayment>()
      expectTypeOf(c.get('vault')).toEqualTypeOf<Vault>()
      expectTypeOf(c.var.session).toEqualTypeOf<null>()
      expectTypeOf(c.var.user).toEqualTypeOf<string>()
      expectTypeOf(c.req.param('id')).toEqualTypeOf<string>()
      return c.body(null)
    })
    app.get('/', (c) => {
      // @ts-expect-error: nothing was paid for here
      c.get('payment')
      return c.body(null)
    })
  })

  it('are known to handlers of Express in res.locals, behind the middleware only', () => {
    const app = express()
    app.post('/:id', express.json(), paidExpress(coffer, { price: '0.01', vault: true }), (req, res) => {
      expectTypeOf(req.params).toEqualTypeOf<{ id: string }>()
      expectTypeOf(res.locals.payment).toEqualTypeOf<GrantedPayment>()
      expectTypeOf(res.locals.vault).toEqualTypeOf<Vault>()
      expectTypeOf(res.locals.session).toEqualTypeOf<null>()
      // Of one request in any app, no more can be said.
      expectTypeOf(req.vault).toEqualTypeOf<Vault | undefined>()
    })
    app.post('/:id', payMiddleware({ price: '0.01' }), vaultMiddleware(), (req, res) => {
      expectTypeOf(req.params).toEqualTypeOf<{ id: string }>()
      expectTypeOf(res.locals.vault).toEqualTypeOf<Vault>()
      expectTypeOf(res.locals.session).toEqualTypeOf<GrantedSession | null>()
    })
    app.post('/:id', payMiddleware({ price: '0.01' }), (_, res) => {
      expectTypeOf(res.locals.vault).toEqualTypeOf<Vault | null>()
    })
    const typed = (_req: ExpressRequest<{ id: string }>, _res: express.Response, next: NextFunction): void =>
      next()
    app.get('/:id', paidExpress(coffer, { price: '0.01' }), typed)
    app.use('/all', paidExpress(coffer, { price: '0.01', vault: true }))
    expectTypeOf(paidExpress(coffer, PLAIN)).toExtend<RequestHandler>()
  })

  it('refuse options that there are not', () => {
    // @ts-expect-error: a misspelt option
    const misspelt = () => paidFetch(coffer, { price: '0.01', valt: true }, answer)
    // @ts-expect-error: a misspelt option of sessions
    const nested = () => paidHono(coffer, { price: '0.01', acceptSessions: { skope: 'agents' } })
    // @ts-expect-error: a price is a text
    const number = () => paidExpress(coffer, { price: 0.01 })
    void [misspelt, nested, number]
  })
})
