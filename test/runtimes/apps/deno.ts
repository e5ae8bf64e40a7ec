import { paid } from 'coffer/deno'
import { shopOf } from './shop.ts'
import { cofferOf, WARE } from './till.ts'

type DenoInfo = Parameters<ReturnType<typeof paid>>[1]

/** What of Deno this app uses. */
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen(address: { port: number }): void },
    handler: (request: Request, info: DenoInfo) => Promise<Response>,
  ): unknown
}

Deno.serve(
  {
    hostname: '127.0.0.1',
    port: 0,
    onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
  },
  (request, info) => {
    const [, part, id] = new URL(request.url).pathname.split('/')
    if (part === 'coffer') return cofferOf(request).fetch(request)
    if (part === 'wares') {
      return paid(cofferOf(request), WARE, (_, { payment }) => Response.json({ id, paidBy: payment.payer }))(
        request,
        info,
      )
    }
    const { coffer, route, tell } = shopOf(request)
    return paid(coffer, route, tell)(request, info)
  },
)
