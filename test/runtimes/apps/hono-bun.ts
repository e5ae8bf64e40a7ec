import { paid } from 'coffer/hono'
import { Hono } from 'hono'
import { getConnInfo } from 'hono/bun'
import { shopOf } from './shop.ts'

/** What of Bun this app uses. */
declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    fetch: (request: Request, server: object) => Response | Promise<Response>
  }): { readonly url: URL }
}

const { url } = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 60,
  fetch(request, server) {
    const { coffer, route, tell } = shopOf(request)
    return new Hono()
      .use(paid(coffer, route, { address: (c) => getConnInfo(c).remote.address }))
      .all('*', ({ req, var: grant }) => tell(req.raw, grant))
      .onError((_, c) => c.text('failed', 500))
      .fetch(request, server)
  },
})
console.log(url.origin)
