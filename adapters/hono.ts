import type { Context, MiddlewareHandler } from 'hono'
import {
  type Answer,
  type Coffer,
  CofferError,
  type Fields,
  type Grant,
  type RequestHead,
  type RouteOptions,
  type SessionOptions,
} from '../src/index.ts'
import { type ExecutionContext, outlive, type Recorded } from './fetch.ts'
import { joinFields, mergeField, mergeFields } from './merge-fields.ts'
import { readAway, withWholeBody } from './read-away.ts'

/** What is known of a request only where the app runs. */
export interface HonoOptions {
  /**
   * Address at the other end of the connection, from the `getConnInfo` of the platform: `(c) =>
   * getConnInfo(c).remote.address`. Default: none, and challenges are rate-limited only behind proxies (`trustProxy`).
   */
  readonly address?: (c: Context) => string | undefined
}

/**
 * Puts a price on what comes after it.
 *
 * ```ts
 * app.get('/report', paid(coffer, { price: '0.05' }), (c) => c.json({ paidBy: c.var.payment.payer }))
 * ```
 *
 * Handlers find the grant in `c.var`: `payment`, `wallet`, `vault` and `session`. When one throws, or answers 400 or above, the
 * payment stays owed. Mount it for `OPTIONS` too where scripts in browsers pay (`app.all`, `app.use`). On Workers, what is due
 * in the outbox is run after each paid answer.
 *
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid<WithVault extends boolean = false, WithSession extends boolean | SessionOptions = false>(
  coffer: Coffer,
  options: RouteOptions<WithVault, WithSession>,
  { address = () => undefined }: HonoOptions = {},
): MiddlewareHandler<{ Variables: Grant<WithVault, WithSession> }> {
  coffer.check(options)
  return async (c, next) => {
    const passing = pass(c, next)
    outlive(passing, coffer, executionContextOf(c))
    await passing
  }

  async function pass(c: Context, next: () => Promise<void>): Promise<Recorded> {
    const from = address(c)
    const head = new HonoRequestHead(c)
    const caller = { leavesBody: true, ...(from !== undefined && { address: from }) }
    const outcome = await coffer.decide(head, options, caller)
    if (!('grant' in outcome)) {
      readAway(head.begunBody)
      replaceAnswer(c, mergeAnswer(c.res.headers, outcome))
      return { recorded: null }
    }
    for (const [name, value] of Object.entries(outcome.grant)) c.set(name, value)
    try {
      await next()
    } catch (error) {
      await outcome.abandon()
      throw error
    }
    const answer = await outcome.finish(c.res)
    if (answer !== c.res) {
      const { body, status, statusText, headers } = answer
      const merged = mergeFields(sharedFields(c.res.headers), headers)
      replaceAnswer(c, new Response(body, { status, statusText, headers: merged }))
    }
    return outcome
  }
}

/** What earlier middleware decided for all answers: what a script may read of them, and how caches tell them apart. */
function sharedFields(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => name === 'vary' || name.startsWith('access-control-')))
}

/** Set over another, a response would take that one's fields back. */
function replaceAnswer(c: Context, answer: Response): void {
  c.res = undefined
  c.res = answer
}

function mergeAnswer(earlier: Headers, { status, fields, body }: Answer): Response {
  const headers = new Headers(earlier)
  for (const [name, value] of joinFields(fields)) {
    const merged = mergeField(name, earlier.get(name), value)
    if (merged !== null) headers.set(name, merged)
  }
  return new Response(body, { status, headers })
}

/** Asks Hono's request for no more than it has at hand: on Node it makes the rest of a `Request` when it is first wanted. */
class HonoRequestHead implements RequestHead {
  readonly method: string
  readonly url: URL
  readonly headers: Fields
  readonly #c: Context
  #request: Request | undefined

  constructor(c: Context) {
    this.method = c.req.method
    this.url = new URL(c.req.url)
    this.headers = c.req.raw.headers
    this.#c = c
  }

  get signal(): AbortSignal {
    return this.#c.req.raw.signal
  }

  toRequest(): Request {
    this.#request ??= requestOf(this.#c)
    return this.#request
  }

  /** The body, when somebody has asked for it. One that nobody has begun is the server's to skip. */
  get begunBody(): ReadableStream | null {
    return this.#request?.body ?? null
  }
}

/**
 * The HTTP API of a shop: `app.all('/coffer/*', api(coffer))`, with `basePath: '/coffer'` in its configuration. To mount it,
 * `coffer.fetch` itself will do: `app.mount('/coffer', coffer.fetch, { replaceRequest: false })`.
 */
export function api(coffer: Pick<Coffer, 'fetch'>): (c: Context) => Promise<Response> {
  return async (c) => {
    const request = withWholeBody(c.req.raw)
    const answer = await coffer.fetch(request)
    readAway(request.body)
    return answer
  }
}

/** The request with its body, also when that was parsed already. A form cannot be written again as it came. */
function requestOf({ req }: Context): Request {
  const { raw } = req
  if (!raw.bodyUsed) return raw
  const isForm = req.header('content-type')?.startsWith('multipart/')
  const { method, headers, signal } = raw
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (isForm)
        throw new CofferError(
          'invalid-state',
          'a form was parsed before paid() could read it: mount paid() first',
        )
      controller.enqueue(new Uint8Array(await req.arrayBuffer()))
      controller.close()
    },
  })
  const init = { method, headers, signal, body, duplex: 'half' }
  return new Request(req.url, init)
}

/** Hono throws where the platform has none, which takes time: on Node it is not asked. */
function executionContextOf(c: Context): ExecutionContext | undefined {
  if (c.env?.['incoming'] !== undefined) return undefined
  try {
    return c.executionCtx
  } catch {
    return undefined
  }
}
