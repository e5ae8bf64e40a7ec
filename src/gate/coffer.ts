import { type Answer, toResponse } from '../lib/message.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { createPaymentLog, type PaymentLog } from '../settlement/payment-log.ts'
import type { VaultShelf } from '../vaults/vaults.ts'
import type { WebhookEndpoints } from '../webhooks/webhooks.ts'
import { createDecide } from './decide.ts'
import { openApi } from './http-api.ts'
import type { Next } from './next.ts'
import type { CofferOptions, RouteOptions, SessionOptions } from './options.ts'
import { type RequestHead, WebRequestHead } from './request-head.ts'
import { type Route, readRoute } from './route.ts'
import { readOptions } from './settings.ts'

/** A configured seller: what {@link createCoffer} returns. */
export interface Coffer {
  /**
   * Decides one request: a `Response` is final (402, other problems, CORS preflight), a {@link Next} says run the
   * handler. Options of a route are checked on first use and remembered by identity: pass the same object each time.
   *
   * @throws CofferError `invalid-option` for bad route options, `store-failed` when the store fails.
   */
  handle<WithVault extends boolean = false, WithSession extends boolean | SessionOptions = false>(
    request: Request,
    route: RouteOptions<WithVault, WithSession>,
    caller?: Caller,
  ): Promise<Response | Next<WithVault, WithSession>>
  /**
   * {@link handle} for servers that have no `Request` and write their own answers, such as Node's: on the way of most requests
   * nobody needs to make one, nor a `Response`.
   */
  decide<WithVault extends boolean = false, WithSession extends boolean | SessionOptions = false>(
    request: RequestHead,
    route: RouteOptions<WithVault, WithSession>,
    caller?: Caller,
  ): Promise<Answer | Next<WithVault, WithSession>>
  /**
   * Answers a request to the HTTP API: sessions, payments and webhooks for operators (`apiKeys`), `/openapi.json` and
   * `/llms.txt` for everybody. Never throws: what goes wrong is a problem, and `onError` is told.
   */
  fetch(request: Request): Promise<Response>
  /** Checks the options of a route now, so that mistakes show at start and not at the first request. */
  check(route: RouteOptions): void
  /** Field that carries session ids, for adapters to protocols that have no fields. */
  readonly sessionHeader: string
  /** Vaults, for code that has no request; `null` when the configuration has none. */
  readonly vaults: VaultShelf | null
  /** Look-up and end of sessions, by their id. */
  readonly sessions: Pick<Sessions, 'get' | 'revoke'>
  /** The payments there were: one, many, and what they have brought in. */
  readonly payments: PaymentLog
  /** Endpoints that are told what became of payments; `null` when the configuration has no webhooks. */
  readonly webhooks: WebhookEndpoints | null
  /**
   * Keeps the promises that are due, once: settles what was left to the background, asks chains about settlements in
   * doubt, sends webhooks. Call it from a timer where no process stays alive. Returns how many jobs it ran.
   */
  tick(): Promise<number>
  /** Does so by itself from now on, until {@link close}. Does not keep the process alive. */
  start(): void
  /** Ends the streams of events, waits for the jobs under way, then closes the store. */
  close(): Promise<void>
}

/** What the server knows of the caller besides the request. */
export interface Caller {
  /**
   * Address at the other end of the connection. Without it, and without {@link CofferOptions.trustProxy}, challenges are
   * not rate-limited.
   */
  readonly address?: string
  /** Whether a body that is too large is left for the caller to read away. Default false: it is cancelled. */
  readonly leavesBody?: boolean
}

/**
 * Reads a configuration once and binds the gate to it.
 *
 * @throws CofferError `invalid-option` naming the option, what was expected and what came.
 */
export function createCoffer(options: CofferOptions): Coffer {
  const settings = readOptions(options)
  const decideOn = createDecide(settings)
  const payments = createPaymentLog(settings.store, settings.ledger)
  const routes = new WeakMap<RouteOptions, Route>()

  function routeOf(options: RouteOptions): Route {
    const known = routes.get(options)
    if (known !== undefined) return known
    const route = readRoute(options, settings)
    routes.set(options, route)
    return route
  }

  // That the grant holds what the options say is what the gate is for; its parts know routes by their settings only.
  const decide = (async (request, options, caller = {}) =>
    // With `await`: a promise that becomes another one takes two turns more.
    await decideOn(request, { settings, route: routeOf(options), caller })) as Coffer['decide']

  return {
    async handle(request, options, caller) {
      const outcome = await decide(new WebRequestHead(request), options, caller)
      return 'grant' in outcome ? outcome : toResponse(outcome)
    },
    decide,
    fetch: openApi(options, settings, payments),
    check: (options) => void routeOf(options),
    sessionHeader: settings.sessionHeader,
    vaults: settings.vaults,
    sessions: { get: settings.sessions.get, revoke: settings.sessions.revoke },
    payments,
    webhooks: settings.webhooks,
    tick: () => settings.worker.tick(),
    start: () => settings.worker.start(),
    async close() {
      await settings.vaults?.core.readers.close()
      await settings.worker.stop()
      await settings.store.close()
    },
  }
}
