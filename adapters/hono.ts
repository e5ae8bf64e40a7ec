import type { Context, MiddlewareHandler } from 'hono'
import type { Coffer, Grant, RouteOptions, SessionOptions } from '../src/index.ts'
import { type ExecutionContext, paidOn } from './fetch.ts'
import { mergeFields } from './merge-fields.ts'

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
  const onHono = paidOn<[c: Context, next: () => Promise<void>]>({
    address: (_, c) => address(c),
    context: (_, c) => executionContextOf(c),
  })
  const charge = onHono(coffer, options, async (_request: Request, grant, c, next) => {
    for (const [name, value] of Object.entries(grant)) c.set(name, value)
    await next()
    return c.res
  })

  return async (c, next) => {
    const earlier = new Headers(c.res.headers)
    const answer = await charge(await requestOf(c), c, next)
    // Set over another, a response would take that one's fields back.
    c.res = undefined
    c.res = new Response(answer.body, {
      status: answer.status,
      statusText: answer.statusText,
      headers: mergeFields(earlier, answer.headers),
    })
  }
}

/**
 * The HTTP API of a shop: `app.all('/coffer/*', api(coffer))`, with `basePath: '/coffer'` in its configuration. To mount it,
 * `coffer.fetch` itself will do: `app.mount('/coffer', coffer.fetch, { replaceRequest: false })`.
 */
export function api(coffer: Pick<Coffer, 'fetch'>): (c: Context) => Promise<Response> {
  return (c) => coffer.fetch(c.req.raw)
}

/** The request with its body, also when that was parsed already. A form cannot be written again as it came. */
async function requestOf({ req }: Context): Promise<Request> {
  const { raw } = req
  if (!raw.bodyUsed || req.header('content-type')?.startsWith('multipart/')) return raw
  const { method, headers, signal } = raw
  return new Request(req.url, { method, headers, signal, body: await req.arrayBuffer() })
}

/** Hono throws where the platform has none. */
function executionContextOf(c: Context): ExecutionContext | undefined {
  try {
    return c.executionCtx
  } catch {
    return undefined
  }
}
