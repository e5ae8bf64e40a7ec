import type { PayingFetch } from './official.ts'

/** A request as it went over the wire: send it again with {@link send}. */
export interface Sent {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

const CREDENTIALS = ['payment-signature', 'x-payment', 'authorization']

/** Whether a request carries a payment. */
export function isPaid({ headers }: Request): boolean {
  return CREDENTIALS.some((name) => headers.has(name))
}

/** Reads a request, which stays readable. */
export async function record(request: Request): Promise<Sent> {
  const { url, method } = request
  const headers = Object.fromEntries(request.headers)
  const body = request.body === null ? null : await request.clone().text()
  return { url, method, headers, body }
}

/** Sends a recorded request, perhaps changed. */
export function send(sent: Sent, change: Partial<Sent> = {}): Promise<Response> {
  const { url, method, headers, body } = { ...sent, ...change }
  return fetch(url, { method, headers, body, redirect: 'manual' })
}

/** A `fetch` that remembers the last request that paid. */
export function createWire(): { readonly fetch: typeof fetch; paid(): Sent } {
  let last: Sent | null = null
  return {
    async fetch(input, init) {
      const request = new Request(input, init)
      if (isPaid(request)) last = await record(request)
      return fetch(request)
    },
    paid() {
      if (last === null) throw new Error('nothing was paid')
      return last
    },
  }
}

/** Has a client make its paid request, and keeps it: the server has not seen it. */
export async function preparePaid(
  connect: (fetch: typeof globalThis.fetch) => PayingFetch,
  url: string,
  init?: RequestInit,
): Promise<Sent> {
  let held: Sent | null = null
  const pay = connect(async (input, init) => {
    const request = new Request(input, init)
    if (!isPaid(request)) return fetch(request)
    held = await record(request)
    return Response.json({})
  })
  const response = await pay(url, init)
  if (held === null) throw new Error(`the client did not pay: ${response.status} ${await response.text()}`)
  return held
}
