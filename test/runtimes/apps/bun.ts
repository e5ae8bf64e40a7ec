import { paid } from 'coffer/bun'
import { shopOf } from './shop.ts'
import { cofferOf, WARE } from './till.ts'

type BunServer = Parameters<ReturnType<typeof paid>>[1]
type BunRequest = Request & { readonly params: Readonly<Record<string, string>> }

/** What of Bun this app uses. */
declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    routes: Record<string, (request: BunRequest, server: BunServer) => Response | Promise<Response>>
    error: () => Response
  }): { readonly url: URL }
}

const { url } = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 60,
  routes: {
    '/wares/:id': (request, server) =>
      paid(cofferOf(request), WARE, ({ params }: BunRequest, { payment }) =>
        Response.json({ id: params['id'], paidBy: payment.payer }),
      )(request, server),
    '/coffer/*': (request) => cofferOf(request).fetch(request),
    '/*': (request, server) => {
      const { coffer, route, tell } = shopOf(request)
      return paid(coffer, route, tell)(request, server)
    },
  },
  error: () => new Response('failed', { status: 500 }),
})
console.log(url.origin)
