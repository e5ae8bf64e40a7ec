import { type HTTPAdapter, x402HTTPResourceServer, x402ResourceServer } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import type { ProtocolFactory } from 'coffer'
import type { Comparison, Contender, Job } from './harness.ts'
import { idleFacilitator } from './idle-facilitator.ts'
import { mppx, mppxRoute, mppxTempo } from './peers.ts'
import { createSeller, protocols, route } from './seller.ts'
import * as terms from './terms.ts'

const cases = [{ input: terms.REPORT_URL, verdict: '402' }] as const

/** A request without a credential, answered 402, in process: from a new `Request` to a `Response`. */
export const unpaid: readonly Comparison[] = [
  {
    title: 'unpaid -> 402: x402, MPP tempo and evm',
    cases,
    contenders: [
      coffer([protocols.x402, protocols.mpp], 'x402 v2 and v1'),
      { ...sdk(mppx.charge(mppxRoute), 'x402 v2'), target: 9 },
      {
        name: 'new Request, new Response',
        note: 'with the fields and the body of ours',
        target: 1 / 3,
        prepare: prepareFloor,
      },
      { name: 'new Request, new Response', note: 'with neither', target: null, prepare: prepareBare },
    ],
  },
  {
    title: 'unpaid -> 402: MPP tempo',
    cases,
    contenders: [coffer([protocols.tempo]), sdk(mppxTempo.charge(mppxRoute))],
  },
  {
    title: 'unpaid -> 402: x402',
    cases,
    contenders: [
      coffer([protocols.x402], 'v2 and v1'),
      { name: '@x402/core', note: 'v2', prepare: prepareX402 },
    ],
  },
]

function coffer(factories: readonly ProtocolFactory[], note?: string): Contender {
  return {
    name: 'Coffer',
    ...(note !== undefined && { note }),
    prepare(url) {
      const seller = createSeller(factories)
      return async () => {
        const response = await seller.handle(new Request(url), route)
        return response instanceof Response ? String(response.status) : 'paid'
      }
    },
  }
}

/** The MPP SDK's handler of a route. */
function sdk(
  handle: (request: Request) => Promise<{ status: 402; challenge: Response } | { status: 200 }>,
  note?: string,
): Contender {
  return {
    name: 'mppx',
    ...(note !== undefined && { note }),
    prepare: (url) => async () => {
      const result = await handle(new Request(url))
      return String(result.status === 402 ? result.challenge.status : result.status)
    },
  }
}

/** What any server spends that gives such an answer. */
async function prepareFloor(url: string): Promise<Job> {
  const seller = createSeller([protocols.x402, protocols.mpp])
  const answer = (await seller.handle(new Request(url), route)) as Response
  const headers = [...answer.headers]
  const body = await answer.text()
  return () => {
    const request = new Request(url)
    return String(new Response(request.method === 'GET' ? body : null, { status: 402, headers }).status)
  }
}

/** What any server spends that answers at all. */
function prepareBare(url: string): Job {
  return () => {
    const request = new Request(url)
    return String(new Response(request.method, { status: 402 }).status)
  }
}

/** The core of every @x402 middleware, and what the middlewares for Web requests do around it. */
async function prepareX402(url: string): Promise<Job> {
  const network = `eip155:${terms.EVM_CHAIN}` as const
  const resources = new x402ResourceServer(idleFacilitator).register(network, new ExactEvmScheme())
  const server = new x402HTTPResourceServer(resources, {
    'GET /report': {
      accepts: { scheme: 'exact', payTo: terms.SELLER, price: `$${terms.PRICE}`, network },
      description: terms.DESCRIPTION,
    },
  })
  await server.initialize()
  return async () => {
    const request = new Request(url)
    const path = new URL(request.url).pathname
    const adapter: HTTPAdapter = {
      getHeader: (name) => request.headers.get(name) ?? undefined,
      getMethod: () => request.method,
      getPath: () => path,
      getUrl: () => request.url,
      getAcceptHeader: () => request.headers.get('accept') ?? '',
      getUserAgent: () => request.headers.get('user-agent') ?? '',
    }
    const result = await server.processHTTPRequest({ adapter, path, method: request.method })
    if (result.type !== 'payment-error') return result.type
    const { status, headers, body } = result.response
    return String(Response.json(body ?? {}, { status, headers }).status)
  }
}
