import type { Coffer, Grant, RouteOptions } from '../src/index.ts'

/** What a server knows that a `Request` does not say. */
export interface FetchOptions<Rest extends unknown[]> {
  /**
   * Address at the other end of the connection, from whatever the server passes beside the request, such as
   * `(request, server) => server.requestIP(request)?.address` on Bun. Default: none, and challenges are not
   * rate-limited.
   */
  readonly address?: (request: Request, ...rest: Rest) => string | undefined
}

/**
 * Puts a price on a handler of Web requests: `Bun.serve`, `Deno.serve`, Workers, route handlers of Next.
 *
 * ```ts
 * const report = paid(coffer, { price: '0.05' }, (request, { payment }) => new Response(`For ${payment.payer}`))
 * Bun.serve({ routes: { '/report': report } })
 * ```
 *
 * @param handler - Runs when the request is paid for. Receives the request, the grant, and every further
 * argument that the server passed. When it throws, or answers 400 or above, the payment stays owed.
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid<Rest extends unknown[]>(
  coffer: Coffer,
  options: RouteOptions,
  handler: (request: Request, grant: Grant, ...rest: Rest) => Response | Promise<Response>,
  { address }: FetchOptions<Rest> = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  coffer.check(options)
  return async (request, ...rest) => {
    const from = address?.(request, ...rest)
    const outcome = await coffer.handle(request, options, from === undefined ? {} : { address: from })
    if (!('grant' in outcome)) return outcome
    let response: Response
    try {
      response = await handler(outcome.request, outcome.grant, ...rest)
    } catch (error) {
      await outcome.abandon()
      throw error
    }
    const isGone = request.signal.aborted
    if (isGone && !outcome.isKept) {
      await outcome.abandon()
      return response
    }
    const answer = await outcome.finish(response)
    // Nobody reads it now, but it is kept when it has been read.
    if (isGone) await answer.body?.pipeTo(new WritableStream())
    return isGone ? new Response(null, { status: 204 }) : answer
  }
}
