import { HTTPFacilitatorClient } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { paymentMiddleware, x402ResourceServer } from '@x402/express'
import express, { type RequestHandler } from 'express'
import { paid } from '../../adapters/express.ts'
import type { RouteOptions } from '../../src/index.ts'
import type { Address } from '../../src/payments/address.ts'
import { listen } from '../adapters/server.ts'
import { createSeller, newAddress, type ShopOptions } from './shop.ts'

/** An Express application with routes that cost a cent each: ours, or a peer's over the same handlers. */
export interface Stall {
  readonly url: string
  /** Address that is paid. */
  readonly seller: Address
  /** How often handlers ran. */
  runs(): number
  close(): Promise<void>
}

/** Handlers by path; all for GET, as Express understands it. */
export type Goods = Readonly<Record<string, RequestHandler>>

/** Our stall. */
export async function openOurs(
  goods: Goods,
  options: ShopOptions,
  route: Partial<RouteOptions> = {},
): Promise<Stall> {
  const { coffer, seller } = createSeller(options)
  const app = express()
  const runs = mount(app, goods, () => paid(coffer, { price: '0.01', ...route }))
  const { url, close } = await listen(app)
  return {
    url,
    seller,
    runs,
    async close() {
      await close()
      await coffer.close()
    },
  }
}

/** What of a peer's configuration a test decides. */
export interface PeerOptions {
  readonly facilitator: string
  /** Members of `extra`, such as the flow of the payment. */
  readonly extra?: Readonly<Record<string, unknown>>
  readonly hooks?: (server: x402ResourceServer) => void
}

/** A stall of `@x402/express`, on Base Sepolia. */
export async function openX402Express(
  goods: Goods,
  { facilitator, extra, hooks }: PeerOptions,
): Promise<Stall> {
  const seller = newAddress()
  const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator }))
  server.register('eip155:84532', new ExactEvmScheme())
  hooks?.(server)
  const accepts = {
    scheme: 'exact',
    price: '$0.01',
    network: 'eip155:84532',
    payTo: seller,
    ...(extra && { extra }),
  } as const
  const app = express()
  app.use(
    paymentMiddleware(
      Object.fromEntries(Object.keys(goods).map((path) => [`GET ${path}`, { accepts }])),
      server,
    ),
  )
  const runs = mount(app, goods, () => pass)
  return { ...(await listen(app)), seller, runs }
}

/** The peer stands before all routes already. */
const pass: RequestHandler = (_req, _res, next) => next()

function mount(
  app: express.Express,
  goods: Goods,
  gate: () => RequestHandler | ReturnType<typeof paid>,
): () => number {
  let runs = 0
  const count: RequestHandler = (_req, _res, next) => {
    runs++
    next()
  }
  for (const [path, handler] of Object.entries(goods)) app.get(path, gate(), count, handler)
  const failed: express.ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).end()
  app.use(failed)
  return () => runs
}
