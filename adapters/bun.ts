import type { Coffer, Grant, RouteOptions, SessionOptions } from '../src/index.ts'
import { type Handler, paidOn } from './fetch.ts'

/** What the adapter needs of Bun's server. */
export interface BunServer {
  requestIP(request: Request): { readonly address: string } | null
  timeout(request: Request, seconds: number): void
}

/** The longest that Bun can wait, seconds, short of for ever. */
const LONGEST_IDLE = 255

/**
 * Puts a price on a handler of `Bun.serve`.
 *
 * ```ts
 * Bun.serve({ routes: { '/report': paid(coffer, { price: '0.05' }, (request, { payment }) => Response.json(payment)) } })
 * ```
 *
 * Bun closes connections that are silent for ten seconds (`idleTimeout`). Settlements may take longer, and answers that were
 * paid for may think for as long as they like: they are given the time.
 *
 * @param handler - Runs when the request is paid for. When it throws, or answers 400 or above, the payment stays owed.
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid<
  Req extends Request,
  Server extends BunServer,
  WithVault extends boolean = false,
  WithSession extends boolean | SessionOptions = false,
>(
  coffer: Coffer,
  options: RouteOptions<WithVault, WithSession>,
  handler: Handler<Req, Grant<WithVault, WithSession>, [server: Server]>,
): (request: Req, server: Server) => Promise<Response> {
  const charge = paidOn<[Server]>({
    address: (request, server) => server.requestIP(request)?.address,
  })(coffer, options, (request: Req, grant, server) => {
    server.timeout(request, 0)
    return handler(request, grant, server)
  })
  return (request, server) => {
    server.timeout(request, LONGEST_IDLE)
    return charge(request, server)
  }
}
