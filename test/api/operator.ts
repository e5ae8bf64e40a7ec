import { memoryBlobs } from '../../src/blobs/memory.ts'
import type { CofferOptions, RouteOptions } from '../../src/gate/options.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { webhooks } from '../../src/webhooks.ts'
import { createSeller, request } from '../gate/scripted.ts'

/** A key of the configuration. */
export const KEY = 'an-operator-key.of_more~than+32/characters=='

/** What a request to the API is made of besides its path. */
export interface Ask {
  readonly method?: string
  readonly body?: unknown
  /** `null` for none. Default: a right one. */
  readonly key?: string | null
  readonly headers?: HeadersInit
}

/** A seller with an API, vaults, webhooks whose endpoints answer 204, and somebody who pays it. */
export function createOperated(options: Partial<CofferOptions> = {}) {
  const failures: unknown[] = []
  const seller = createSeller({
    apiKeys: ['another-key-that-is-long-enough-too', KEY],
    webhooks: webhooks({ send: async () => new Response(null, { status: 204 }) }),
    vaults: { blobs: memoryBlobs() },
    onError: (error) => failures.push(error),
    ...options,
  })
  let paid = 0
  return {
    ...seller,
    failures,
    /** Asks the API. */
    ask(path: string, { method = 'GET', body, key = KEY, headers = {} }: Ask = {}): Promise<Response> {
      const fields = new Headers(headers)
      if (key !== null) fields.set('authorization', `Bearer ${key}`)
      const isReady = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array
      const content = isReady || body === undefined ? body : JSON.stringify(body)
      const init = { method, headers: fields, ...(content !== undefined && { body: content as BodyInit }) }
      return seller.coffer.fetch(new Request(`https://api.test${path}`, init))
    },
    /** Pays for a path with a new credential. */
    async pay(path = '/report', route: RouteOptions = { price: '0.01' }): Promise<Response> {
      const next = await seller.coffer.handle(
        request(`credential-${paid++}`, `https://api.test${path}`),
        route,
      )
      return next instanceof Response ? next : next.finish(new Response('paid'))
    },
    /** Keeps all promises that are due. */
    async work(): Promise<void> {
      while ((await seller.coffer.tick()) > 0);
    },
  }
}

export type Operated = ReturnType<typeof createOperated>

/** Reads an answer that is JSON. */
export async function jsonOf<Value = JsonObject>(answer: Response | Promise<Response>): Promise<Value> {
  return (await answer).json() as Promise<Value>
}
