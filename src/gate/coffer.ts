import type { Next } from './next.ts'
import type { RouteOptions } from './options.ts'

/** A configured seller: what {@link createCoffer} returns. */
export interface Coffer {
  /**
   * Decides one request: a `Response` is final (402, other problems, CORS preflight), a {@link Next} says run the
   * handler. Options of a route are checked on first use and remembered by identity: pass the same object each time.
   *
   * @throws CofferError `invalid-option` for bad route options, `store-failed` when the store fails.
   */
  handle(request: Request, route: RouteOptions, caller?: Caller): Promise<Response | Next>
  /** Checks the options of a route now, so that mistakes show at start and not at the first request. */
  check(route: RouteOptions): void
  /** Closes the store. */
  close(): Promise<void>
}

/** What the server knows of the caller besides the request. */
export interface Caller {
  /** Address at the other end of the connection. Without it challenges are not rate-limited. */
  readonly address?: string
}
