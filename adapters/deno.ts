import type { Coffer, Grant, RouteOptions, SessionOptions } from '../src/index.ts'
import { type Handler, paidOn } from './fetch.ts'

/** What the adapter needs of the second argument of a `Deno.serve` handler. */
export interface DenoInfo {
  /** Sockets that are not of a network have no `hostname`. */
  readonly remoteAddr: { readonly hostname: string } | { readonly transport: string }
}

/**
 * Puts a price on a handler of `Deno.serve`.
 *
 * ```ts
 * Deno.serve(paid(coffer, { price: '0.05' }, (request, { payment }) => Response.json(payment)))
 * ```
 *
 * @param handler - Runs when the request is paid for. When it throws, or answers 400 or above, the payment stays owed.
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid<
  Info extends DenoInfo,
  WithVault extends boolean = false,
  WithSession extends boolean | SessionOptions = false,
>(
  coffer: Coffer,
  options: RouteOptions<WithVault, WithSession>,
  handler: Handler<Request, Grant<WithVault, WithSession>, [info: Info]>,
): (request: Request, info: Info) => Promise<Response> {
  return paidOn<[Info]>({
    address: (_, { remoteAddr }) => ('hostname' in remoteAddr ? remoteAddr.hostname : undefined),
  })(coffer, options, handler)
}
