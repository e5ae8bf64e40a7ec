import { after } from 'next/server.js'
import type { Coffer, Grant, RouteOptions, SessionOptions } from '../src/index.ts'
import { type ExecutionContext, type Handler, paidOn } from './fetch.ts'
import { withWholeBody } from './read-away.ts'

/**
 * Puts a price on a route handler of the App Router.
 *
 * ```ts
 * // app/reports/[id]/route.ts
 * export const GET = paid(coffer, { price: '0.05' }, async (request, { payment }, { params }: Context) =>
 *   Response.json({ id: (await params).id, paidBy: payment.payer }),
 * )
 * export const OPTIONS = GET // scripts in browsers ask before they pay
 * ```
 *
 * What is due in the outbox is run after each paid answer, in Next's `after`. Next does not say who is connected: challenges
 * are rate-limited behind a proxy (`trustProxy`), which Vercel is.
 *
 * @param handler - Runs when the request is paid for. Receives the request, the grant, and Next's context with the `params`.
 * When it throws, or answers 400 or above, the payment stays owed.
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid<
  Req extends Request,
  Context,
  WithVault extends boolean = false,
  WithSession extends boolean | SessionOptions = false,
>(
  coffer: Coffer,
  options: RouteOptions<WithVault, WithSession>,
  handler: Handler<Req, Grant<WithVault, WithSession>, [context: Context]>,
): (request: Req, context: Context) => Promise<Response> {
  return paidOn<[Context]>({ context: () => AFTER })(coffer, options, handler)
}

const AFTER: ExecutionContext = {
  waitUntil(work) {
    try {
      after(work)
    } catch {
      // Called by a test of the seller's, and not by Next: nothing will stop the work, and nobody is there to tell.
      work.catch(() => {})
    }
  },
}

/** Methods of the HTTP API, by the names that Next looks for. */
export interface ApiHandlers
  extends Readonly<
    Record<'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE' | 'OPTIONS', (request: Request) => Promise<Response>>
  > {}

/**
 * The HTTP API of a shop, as the handlers of a catch-all route.
 *
 * ```ts
 * // app/coffer/[...path]/route.ts, with `basePath: '/coffer'` in the configuration
 * export const { GET, HEAD, POST, PATCH, DELETE, OPTIONS } = api(coffer)
 * ```
 */
export function api(coffer: Pick<Coffer, 'fetch'>): ApiHandlers {
  const answer = (request: Request): Promise<Response> => coffer.fetch(withWholeBody(request))
  return { GET: answer, HEAD: answer, POST: answer, PATCH: answer, DELETE: answer, OPTIONS: answer }
}
