import { type HTTPAdapter, x402HTTPResourceServer, x402ResourceServer } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import type { Comparison, Contender } from './harness.ts'
import { mppxOfOne, mppxOfTwo } from './peers.ts'
import { createSeller, route } from './seller.ts'
import * as terms from './terms.ts'

/** A request without a credential, answered 402, in process: from a new `Request` to a `Response`. */
export const unpaid: Comparison = {
  title: 'unpaid request -> 402',
  cases: [{ input: terms.REPORT_URL, verdict: '402' }],
  contenders: [
    {
      name: 'Coffer: x402 v2 and v1, MPP tempo and evm',
      prepare: (url) => {
        const coffer = createSeller()
        return async () => {
          const response = await coffer.handle(new Request(url), route)
          return response instanceof Response ? String(response.status) : 'paid'
        }
      },
    },
    { name: '@x402/core: x402 v2', prepare: prepareX402 },
    mppx('mppx: MPP evm', mppxOfOne.charge({ amount: terms.PRICE, description: terms.DESCRIPTION })),
    mppx(
      'mppx: MPP tempo and evm',
      mppxOfTwo.charge({ amount: terms.PRICE, description: terms.DESCRIPTION }),
    ),
    {
      name: 'nobody: new Request, new Response',
      note: 'the floor',
      prepare: (url) => () => {
        const request = new Request(url)
        return String(new Response(request.method, { status: 402 }).status)
      },
    },
  ],
}

function mppx(
  name: string,
  handle: (request: Request) => Promise<{ status: 402; challenge: Response } | { status: 200 }>,
): Contender {
  return {
    name,
    prepare: (url) => async () => {
      const result = await handle(new Request(url))
      return String(result.status === 402 ? result.challenge.status : result.status)
    },
  }
}

/** The core of every @x402 middleware, and what the middlewares for Web requests do around it. */
async function prepareX402(url: string): Promise<() => Promise<string>> {
  const network = `eip155:${terms.EVM_CHAIN}` as const
  const unused = async (): Promise<never> => {
    throw new Error('nothing is paid here')
  }
  const resources = new x402ResourceServer({
    getSupported: async () => ({
      kinds: [{ x402Version: 2, scheme: 'exact', network }],
      extensions: [],
      signers: {},
    }),
    verify: unused,
    settle: unused,
  }).register(network, new ExactEvmScheme())
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
