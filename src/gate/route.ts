import { type Price, parsePrice } from '../payments/amount.ts'
import type { SettleMode } from '../payments/payment.ts'
import type { SessionTerms } from '../payments/session-terms.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { DAY, oneOf, printable, whole } from './option-values.ts'
import type { RouteOptions } from './options.ts'
import type { Settings, Wallet } from './settings.ts'

/** {@link RouteOptions}, checked and complete. */
export interface Route {
  readonly price: Price | ((request: Request) => Promise<Price>)
  readonly wallet: Wallet
  readonly description: string | null
  readonly settle: SettleMode
  readonly requireIdempotency: boolean
  /** Whether a payment makes a vault. */
  readonly vault: boolean
  /** The session that a payment opens, and that lets requests in; `null` when the route has none. */
  readonly session: Omit<SessionTerms, 'hash' | 'ceiling'> | null
  /** Why nobody can pay for it under the limits in force; `null` when anybody can. */
  readonly notForSale: Refusal | null
  /** Most bytes of body to read; `null` when the body is not bound. */
  readonly bindBody: number | null
}

const SETTLE_MODES = ['before', 'after', 'background'] as const
/**
 * Checks the options of a route.
 *
 * @throws CofferError `invalid-option`, also for a price that an asset cannot express.
 */
export function readRoute(options: RouteOptions, settings: Settings): Route {
  refuseUnknownOptions(options, Object.keys(ROUTE_OPTION_NAMES), 'route')
  const { price, description, bindBody = false } = options
  const wallet = readWalletId(options.wallet, settings.wallets)
  const session = readSession(options, wallet)
  const maxBytes =
    typeof bindBody === 'object' ? whole('bindBody.maxBytes', bindBody.maxBytes, 1, 2 ** 31) : 2 ** 20
  return {
    price:
      typeof price === 'function'
        ? async (request) => readPrice(await price(request), settings)
        : readPrice(price, settings),
    wallet,
    description: description === undefined ? null : readDescription(description),
    settle: oneOf('settle', options.settle ?? 'before', SETTLE_MODES),
    requireIdempotency: options.requireIdempotency ?? false,
    vault: readVault(options.vault ?? false, settings),
    session,
    notForSale: session !== null && settings.vaults?.limits.sessions === false ? NO_SESSIONS : null,
    bindBody: bindBody === false ? null : maxBytes,
  }
}

function readVault(wanted: boolean, { vaults }: Settings): boolean {
  if (wanted && vaults === null) invalidOption('vault', 'false, as createCoffer was given no vaults', wanted)
  return wanted
}

function readSession({ acceptSessions, sessionTtl }: RouteOptions, wallet: Wallet): Route['session'] {
  const ttl = whole('sessionTtl', sessionTtl ?? DAY, 60, 7 * DAY)
  if (!acceptSessions) return null
  const options = acceptSessions === true ? {} : acceptSessions
  refuseUnknownOptions(options, ['scope', 'maxRequests', 'budget', 'bindPayer'], 'acceptSessions')
  const { scope, maxRequests, budget, bindPayer = false } = options
  return {
    ttl,
    // A name of the seller's own cannot be taken for a wallet.
    scope: scope === undefined ? `wallet:${wallet.id}` : `scope:${printable('acceptSessions.scope', scope)}`,
    maxRequests:
      maxRequests === undefined ? null : whole('acceptSessions.maxRequests', maxRequests, 1, 1_000_000_000),
    budget: budget === undefined ? null : parsePrice(budget, 'acceptSessions.budget').text,
    bindPayer,
  }
}

function readPrice(text: unknown, { protocols }: Settings): Price {
  const price = parsePrice(text)
  for (const protocol of protocols) protocol.checkPrice(price)
  return price
}

function readWalletId(id: string | undefined, wallets: ReadonlyMap<string, Wallet>): Wallet {
  const fallback = wallets.size === 1 ? wallets.values().next().value : wallets.get('main')
  const wallet = id === undefined ? fallback : wallets.get(id)
  return wallet ?? invalidOption('wallet', `one of ${[...wallets.keys()].join(', ')}`, id ?? 'none')
}

/** A description stands in every challenge three times, and clients read heads of 16 KiB. */
const MAX_DESCRIPTION = 500

function readDescription(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are refused
  const isText = typeof text === 'string' && text.isWellFormed() && !/[\x00-\x1f\x7f]/.test(text)
  if (isText && text.length <= MAX_DESCRIPTION) return text
  return invalidOption(
    'description',
    `text without control characters, at most ${MAX_DESCRIPTION} characters`,
    isText ? `${text.length} characters` : text,
  )
}

const NO_SESSIONS = refuse(
  'session-payments-not-available',
  'A payment here opens a session, and the limits of this seller have none.',
)

const ROUTE_OPTION_NAMES: Readonly<Record<keyof RouteOptions, true>> = {
  price: true,
  wallet: true,
  description: true,
  settle: true,
  requireIdempotency: true,
  acceptSessions: true,
  vault: true,
  sessionTtl: true,
  bindBody: true,
}
