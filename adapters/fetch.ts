import type { Coffer, Grant, RouteOptions, SessionOptions } from '../src/index.ts'
import { readAway } from './read-away.ts'

/** What runs when a request is paid for: it receives the request, the grant, and whatever else the server passes. */
export type Handler<Req extends Request, Granted extends Grant, Rest extends unknown[]> = (
  request: Req,
  grant: Granted,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Puts a price on a handler of Web requests, for any server that has them and no adapter of its own.
 *
 * ```ts
 * const report = paid(coffer, { price: '0.05' }, (request, { payment }) => new Response(`For ${payment.payer}`))
 * export default { fetch: report }
 * ```
 *
 * @param handler - Runs when the request is paid for. When it throws, or answers 400 or above, the payment stays owed.
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid<
  Req extends Request,
  Rest extends unknown[],
  WithVault extends boolean = false,
  WithSession extends boolean | SessionOptions = false,
>(
  coffer: Coffer,
  options: RouteOptions<WithVault, WithSession>,
  handler: Handler<Req, Grant<WithVault, WithSession>, Rest>,
): (request: Req, ...rest: Rest) => Promise<Response> {
  return paidOn<Rest>({})(coffer, options, handler)
}

/** What a platform knows of a request beside the `Request`, from what it passes to its handlers after it. */
export interface Platform<Rest extends unknown[]> {
  /** Address at the other end of the connection. Default: none, and challenges are rate-limited behind proxies only. */
  readonly address?: (request: Request, ...rest: Rest) => string | undefined
  /**
   * What keeps work going when the answer is out or the client gone, where those end it. It is given the work of each paid
   * request, and after it what is due in the outbox (`coffer.tick()`). Default: none, where the process lives on and
   * `coffer.start()` does that.
   */
  readonly context?: (request: Request, ...rest: Rest) => ExecutionContext | undefined
}

/** A platform's promise to let work end. */
export interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}

/** {@link paid}, for handlers of a platform. */
export type PaidOn<Rest extends unknown[]> = <
  Req extends Request,
  WithVault extends boolean = false,
  WithSession extends boolean | SessionOptions = false,
>(
  coffer: Coffer,
  options: RouteOptions<WithVault, WithSession>,
  handler: Handler<Req, Grant<WithVault, WithSession>, Rest>,
) => (request: Req, ...rest: Rest) => Promise<Response>

/**
 * Makes {@link paid} for a platform that has no adapter of its own.
 *
 * ```ts
 * const paid = paidOn<[env: Env, context: ExecutionContext]>({
 *   address: (request) => request.headers.get('cf-connecting-ip') ?? undefined,
 *   context: (_request, _env, context) => context,
 * })
 * ```
 */
export function paidOn<Rest extends unknown[]>({ address, context }: Platform<Rest>): PaidOn<Rest> {
  return (coffer, options, handler) => {
    coffer.check(options)

    async function answer(
      request: Parameters<typeof handler>[0],
      rest: Rest,
    ): Promise<Recorded & { readonly response: Response }> {
      const from = address?.(request, ...rest)
      const caller = { leavesBody: true, ...(from !== undefined && { address: from }) }
      const outcome = await coffer.handle(request, options, caller)
      if (!('grant' in outcome)) {
        readAway(request.body)
        return { response: outcome, recorded: null }
      }
      let response: Response
      try {
        response = await handler(request, outcome.grant, ...rest)
      } catch (error) {
        await outcome.abandon()
        throw error
      }
      return { response: await outcome.finish(response), recorded: outcome.recorded }
    }

    return async (request, ...rest) => {
      const answering = answer(request, rest)
      outlive(answering, coffer, context?.(request, ...rest))
      return (await answering).response
    }
  }
}

/**
 * Keeps the platform from ending work before its outcome is stored, and lets it run after that what is due in the outbox. Work
 * that fails is for its caller to tell; an outbox that fails is for the platform.
 */
export function outlive(
  work: Promise<Recorded>,
  coffer: Pick<Coffer, 'tick'>,
  context: ExecutionContext | undefined,
): void {
  async function runDue({ recorded }: Recorded): Promise<void> {
    if (recorded === null) return
    await recorded
    await coffer.tick()
  }
  context?.waitUntil(work.then(runDue, () => {}))
}

/** What has been done for a request. */
export interface Recorded {
  /** Resolves when its outcome is stored; `null` when there is none. */
  readonly recorded: Promise<unknown> | null
}
