import { createCoffer } from 'coffer'
import { paid } from 'coffer/bun'
import { memory } from 'coffer/memory'

type Server = Parameters<ReturnType<typeof paid>>[1]

/** What of Bun this app uses. */
declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    routes: Record<string, (request: Request, server: Server) => Promise<Response>>
  }): { readonly url: URL }
}

const coffer = createCoffer({
  secret: 'a secret of at least thirty-two bytes',
  wallets: { main: { address: `0x${'2'.repeat(40)}` } },
  protocols: [],
  store: memory(),
  stub: true,
})

/** Says nothing for longer than Bun waits. */
async function think(): Promise<Response> {
  await new Promise((resolve) => setTimeout(resolve, 4000))
  return new Response('thought')
}

const { url } = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 1,
  routes: { '/free': think, '/paid': paid(coffer, { price: '0.05' }, think) },
})
console.log(url.origin)
