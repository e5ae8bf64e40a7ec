import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Coffer,
  CofferError,
  type CofferOptions,
  createCoffer,
  type Grant,
  type GrantedPayment,
  type GrantedWallet,
  type RouteOptions,
  type SessionOptions,
  type Vault,
} from '../src/index.ts'
import { toHead, toRequest } from './node.ts'
import { concludeWith } from './node-answer.ts'
import { sendAnswer, sendResponse } from './node-response.ts'

declare global {
  namespace Express {
    // Optional, because Express has one type for all requests and only those behind paid() have these. Where a chain
    // provides them for certain they are in `res.locals`, which each chain has a type of its own for.
    interface Request {
      /** The payment that let this request in; set behind {@link paid}. */
      payment?: GrantedPayment
      /** The seller's wallet that was paid; set behind {@link paid}. */
      wallet?: GrantedWallet
      /** Id of the session that the payment opened, or that let this request in; set behind {@link paid}. */
      sessionId?: string
      /** The vault of the payment or its session; set behind {@link paid} on routes with `vault: true`. */
      vault?: Vault
    }
  }
}

/** What a middleware knows of a request of Express. */
type ExpressRequest = IncomingMessage & {
  payment?: GrantedPayment
  wallet?: GrantedWallet
  sessionId?: string
  vault?: Vault
}

type Continue = (error?: unknown) => void

/**
 * A middleware for Express 4 and 5, typed by what it needs of a request. So it says nothing about `req.params`, and the
 * handlers after it keep the types that Express infers for their path.
 */
export type Middleware = (req: ExpressRequest, res: ServerResponse, next: Continue) => void

/**
 * A middleware that sets `res.locals`. Express takes their type, for the handlers after it, from the last signature; the
 * first lets it stand beside handlers that say nothing of them.
 */
export interface PaidMiddleware<Locals = Grant> {
  (req: ExpressRequest, res: ServerResponse, next: Continue): void
  (req: ExpressRequest, res: ServerResponse & { locals: Locals }, next: Continue): void
}

/**
 * Puts a price on a route. Behind it, `res.locals` holds the grant: `payment`, `wallet`, `vault` and `session`, and the answer
 * gets its receipts whichever way the handler gives it. An error, or a status of 400 or above, leaves the payment
 * owed: the same credential runs the handler again. So does a client that is gone before the answer begins. What fails after
 * that is spent, unless the request has an `Idempotency-Key`.
 *
 * ```ts
 * app.get('/report', paid(coffer, { price: '0.05' }), (req, res) => res.json(report(res.locals.payment.payer)))
 * ```
 *
 * The same is in `req.payment`, `req.wallet`, `req.vault` and `req.sessionId`, where types can only say that it may be.
 *
 * Works before and after body parsers. With `bindBody`, mount it before them to bind the bytes as they were
 * sent; after them it binds the parsed body, written as JSON. Parsers of uploaded forms come after it: of what they took apart
 * there is no bound body, and no idempotency key can stand for it. Scripts in browsers ask with `OPTIONS` first, which
 * Express answers on its own unless the middleware is mounted for it too: `app.options('/report', …)`.
 *
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid<WithVault extends boolean = false, WithSession extends boolean | SessionOptions = false>(
  coffer: Coffer,
  options: RouteOptions<WithVault, WithSession>,
): PaidMiddleware<Grant<WithVault, WithSession>> {
  coffer.check(options)
  return (req: ExpressRequest, res: ServerResponse & { locals?: object }, next: Continue) => {
    pass(req, res, next).catch(next)
  }

  async function pass(
    req: ExpressRequest,
    res: ServerResponse & { locals?: object },
    next: Continue,
  ): Promise<void> {
    const head = toHead(req, res)
    if ('status' in head) return sendAnswer(head, res)
    const { remoteAddress } = req.socket
    const caller = remoteAddress === undefined ? {} : { address: remoteAddress }
    const outcome = await coffer.decide(head, options, caller)
    head.restoreBody()
    if (!('grant' in outcome)) return sendAnswer(outcome, res)
    if (res.destroyed) return outcome.abandon()
    const { payment, wallet, vault, session }: Grant = outcome.grant
    res.locals = Object.assign(res.locals ?? {}, outcome.grant)
    req.payment = payment
    req.wallet = wallet
    if (session?.id) req.sessionId = session.id
    if (vault) req.vault = vault
    concludeWith(res, outcome, next)
    next()
  }
}

/**
 * The HTTP API of a shop: `app.use('/coffer', api(coffer))`, with `basePath: '/coffer'` in its configuration. Every request
 * below that path is answered.
 */
export function api(coffer: Pick<Coffer, 'fetch'>): Middleware {
  return (req, res, next) => {
    const request = toRequest(req, res)
    const answered = request instanceof Response ? Promise.resolve(request) : coffer.fetch(request)
    answered.then((response) => sendResponse(response, res)).catch(next)
  }
}

/** What {@link initialise} takes. */
export interface InitialiseOptions extends CofferOptions {
  /** Key for the HTTP API, as one of `apiKeys`. */
  readonly apiKey?: string
}

/** The shop of this process, for those who write middlewares one after the other and pass nothing around. */
let shop: Coffer | null = null

/** Wallets that {@link walletMiddleware} chose, until the payment is asked for. */
const chosenWallets = new WeakMap<IncomingMessage, string>()

/**
 * Opens the shop that {@link walletMiddleware}, {@link payMiddleware} and {@link vaultMiddleware} work for. Called again, it
 * opens another in its place.
 *
 * @returns The same as `createCoffer`, for what has no middleware: `coffer.start()`, `coffer.close()`.
 * @throws CofferError `invalid-option`.
 */
export function initialise({ apiKey, ...options }: InitialiseOptions): Coffer {
  const apiKeys = [...(apiKey === undefined ? [] : [apiKey]), ...(options.apiKeys ?? [])]
  shop = createCoffer({ ...options, apiKeys })
  return shop
}

/** Chooses who is paid, for the {@link payMiddleware} behind it. Without an id: the only wallet, or the one called `main`. */
export function walletMiddleware({ walletId }: { readonly walletId?: string | undefined } = {}): Middleware {
  return (req, _res, next) => {
    if (walletId !== undefined) chosenWallets.set(req, walletId)
    next()
  }
}

/**
 * {@link paid} for the shop of {@link initialise} and the wallet of {@link walletMiddleware}. When the shop has vaults, each
 * payment has one.
 */
export function payMiddleware(options: Omit<RouteOptions, 'wallet' | 'vault'>): PaidMiddleware {
  const middlewares = new Map<string | undefined, Middleware>()
  let openedFor: Coffer | null = null

  function middlewareFor(coffer: Coffer, wallet: string | undefined): Middleware {
    if (openedFor !== coffer) middlewares.clear()
    openedFor = coffer
    const known = middlewares.get(wallet)
    if (known) return known
    const vault = coffer.vaults !== null
    const made = paid(coffer, { ...options, vault, ...(wallet !== undefined && { wallet }) })
    middlewares.set(wallet, made)
    return made
  }

  return (req: ExpressRequest, res: ServerResponse, next: Continue) => {
    if (shop === null) return next(new CofferError('invalid-state', 'payMiddleware: call initialise() first'))
    try {
      middlewareFor(shop, chosenWallets.get(req))(req, res, next)
    } catch (error) {
      next(error)
    }
  }
}

/** Makes sure that there is a vault: the one of the payment, or of its session. */
export function vaultMiddleware(): PaidMiddleware<Grant<true>> {
  return (req: ExpressRequest, _res: ServerResponse, next: Continue) => {
    if (req.vault) return next()
    next(
      new CofferError(
        'invalid-state',
        'vaultMiddleware: needs payMiddleware before it, and vaults in initialise()',
      ),
    )
  }
}
