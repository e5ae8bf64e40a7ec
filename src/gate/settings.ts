import { type Clock, systemClock } from '../lib/clock.ts'
import { type Random, systemRandom } from '../lib/id.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import { type Price, parsePrice } from '../payments/amount.ts'
import type { ChainId } from '../payments/chain.ts'
import type { SettleMode } from '../payments/payment.ts'
import type { SessionTerms } from '../payments/session-terms.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { Environment, Protocol } from '../protocols/protocol.ts'
import { stub } from '../protocols/stub.ts'
import type { Store } from '../stores/store.ts'
import { createEngine, type Engine } from './engine.ts'
import { type ChallengeLimit, createLimiter, type Limiter } from './limiter.ts'
import type { CofferOptions, RouteOptions, WalletOptions } from './options.ts'

/** {@link CofferOptions}, checked and complete. */
export interface Settings extends Engine {
  readonly wallets: ReadonlyMap<string, Wallet>
  readonly protocols: readonly Protocol[]
  readonly store: Store
  readonly limiter: Limiter | null
  readonly realm: string | null
  readonly publicOrigin: string | null
  /** Field that carries the session id, both ways. */
  readonly sessionHeader: string
  readonly challengeTtl: number
  readonly trustProxy: number
  readonly cors: '*' | readonly string[] | false
  readonly problemBase: string
  readonly onError: (error: unknown) => void
  /** How long a payment whose answer failed can be redeemed, milliseconds. */
  readonly creditMs: number
  /** Largest answer that is kept, bytes. */
  readonly maxResultBytes: number
  /** Most that may be answered for before its money moved. */
  readonly maxUnsettled: Price
  readonly clock: Clock
  readonly random: Random
}

/** {@link WalletOptions}, checked and complete. */
export interface Wallet {
  readonly id: string
  recipient(chain: ChainId): Address
}

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
  /** Most bytes of body to read; `null` when the body is not bound. */
  readonly bindBody: number | null
}

const SETTLE_MODES = ['before', 'after', 'background'] as const
const MIN_SECRET_BYTES = 32
const DAY = 86_400

/**
 * Checks a configuration and fills in its defaults.
 *
 * @throws CofferError `invalid-option` naming the option, what was expected and what came. Never shows a secret.
 */
export function readOptions(options: CofferOptions): Settings {
  refuseUnknown(options, OPTION_NAMES, '')
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const environment: Environment = { secrets: readSecrets(options.secret), clock, random }
  const protocols = readProtocols(options, environment)
  const wallets = readWallets(options.wallets)
  const handlerTimeout = seconds('handlerTimeout', options.handlerTimeout ?? 300, 1, DAY)
  const resultTtl = seconds('results.ttl', options.results?.ttl ?? DAY, 60, 30 * DAY)
  const onError = options.onError ?? (() => {})
  const store = options.store ?? invalidOption('store', "a store such as sqlite('coffer.db')")
  const engine = createEngine({
    environment,
    protocols,
    store,
    webhooks: options.webhooks ?? null,
    vaults: options.vaults ?? null,
    leaseMs: handlerTimeout * 1000,
    resultMs: resultTtl * 1000,
    onError,
  })
  return {
    wallets,
    protocols,
    store,
    ...engine,
    limiter:
      options.challengeLimit === false ? null : createLimiter(readLimit(options.challengeLimit), clock),
    realm: options.realm === undefined ? null : printable('realm', options.realm),
    sessionHeader: readHeaderName(options.sessionHeader ?? 'X-PRUDRA-SESSION-ID'),
    publicOrigin: options.publicUrl === undefined ? null : readOrigin(options.publicUrl),
    challengeTtl: seconds('challengeTtl', options.challengeTtl ?? 300, 10, DAY),
    trustProxy: whole('trustProxy', options.trustProxy ?? 0, 0, 32),
    cors: options.cors ?? '*',
    problemBase: (options.problemBase ?? 'urn:coffer:problems').replace(/\/$/, ''),
    onError,
    creditMs: seconds('creditTtl', options.creditTtl ?? DAY, 60, 365 * DAY) * 1000,
    maxResultBytes: whole('results.maxBytes', options.results?.maxBytes ?? 2 ** 20, 0, 2 ** 26),
    maxUnsettled: parsePrice(options.maxUnsettled ?? '1', 'maxUnsettled'),
    clock,
    random,
  }
}

/**
 * Checks the options of a route.
 *
 * @throws CofferError `invalid-option`, also for a price that an asset cannot express.
 */
export function readRoute(options: RouteOptions, settings: Settings): Route {
  refuseUnknown(options, ROUTE_OPTION_NAMES, 'route option ')
  const { price, description, bindBody = false } = options
  const wallet = readWalletId(options.wallet, settings.wallets)
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
    session: readSession(options, wallet),
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

function readSecrets(secret: string | readonly string[]): readonly Uint8Array[] {
  const texts = typeof secret === 'string' ? [secret] : secret
  if (!Array.isArray(texts) || texts.length === 0) invalidOption('secret', 'at least one secret')
  return texts.map((text: unknown, index) => {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : new Uint8Array()
    if (bytes.length < MIN_SECRET_BYTES) {
      invalidOption(`secret[${index}]`, `at least ${MIN_SECRET_BYTES} bytes`, `${bytes.length} bytes`)
    }
    return bytes
  })
}

function readProtocols(options: CofferOptions, environment: Environment): readonly Protocol[] {
  const factories = [...(options.protocols ?? [])]
  if (readStub(options.stub)) factories.unshift(stub())
  if (factories.length === 0) invalidOption('protocols', 'at least one protocol, such as x402({ … })')
  return factories.map((factory) => factory(environment))
}

function readStub(option: boolean | undefined): boolean {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  const wanted = option ?? process?.env?.['PAYMENT_STUB_MODE'] === 'true'
  if (wanted && process?.env?.['NODE_ENV'] === 'production') {
    invalidOption('stub', 'false when NODE_ENV is production', true)
  }
  return wanted
}

function readWallets(wallets: CofferOptions['wallets']): ReadonlyMap<string, Wallet> {
  const entries = Object.entries(wallets ?? {})
  if (entries.length === 0) invalidOption('wallets', 'at least one wallet')
  return new Map(entries.map(([id, wallet]) => [id, readWallet(id, wallet)]))
}

function readWallet(id: string, { address, networks = {} }: WalletOptions): Wallet {
  const read = (option: string, value: string): Address =>
    parseAddress(value) ?? invalidOption(option, 'an address of 20 bytes in hexadecimal', value)
  const fallback = read(`wallets.${id}.address`, address)
  const others = new Map(
    Object.entries(networks).map(([chain, value]) => [chain, read(`wallets.${id}.networks.${chain}`, value)]),
  )
  return { id, recipient: (chain) => others.get(chain) ?? fallback }
}

function readLimit(limit: ChallengeLimit | undefined): ChallengeLimit {
  return {
    max: whole('challengeLimit.max', limit?.max ?? 20, 1, 1_000_000),
    window: seconds('challengeLimit.window', limit?.window ?? 60, 1, DAY),
  }
}

function readHeaderName(name: string): string {
  const isOwn = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && !/^payment-session/i.test(name)
  return isOwn ? name : invalidOption('sessionHeader', 'a field name that MPP does not use itself', name)
}

function readOrigin(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    return invalidOption('publicUrl', 'an http or https URL', url)
  if (parsed.pathname !== '/' || parsed.search !== '')
    invalidOption('publicUrl', 'an origin without a path', url)
  return parsed.origin
}

const seconds = (option: string, value: number, min: number, max: number): number =>
  value >= min && value <= max ? value : invalidOption(option, `seconds from ${min} to ${max}`, value)

const whole = (option: string, value: number, min: number, max: number): number =>
  Number.isInteger(value) && value >= min && value <= max
    ? value
    : invalidOption(option, `a whole number from ${min} to ${max}`, value)

const oneOf = <Value extends string>(option: string, value: Value, values: readonly Value[]): Value =>
  values.includes(value) ? value : invalidOption(option, `one of ${values.join(', ')}`, value)

const printable = (option: string, text: string): string =>
  /^[\x20-\x7e]+$/.test(text) ? text : invalidOption(option, 'printable ASCII text', text)

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

function refuseUnknown(options: object, names: Readonly<Record<string, true>>, what: string): void {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(names, name))
      invalidOption(`${what}${name}`, `one of ${Object.keys(names).join(', ')}`)
  }
}

const OPTION_NAMES: Readonly<Record<keyof CofferOptions, true>> = {
  secret: true,
  wallets: true,
  protocols: true,
  store: true,
  realm: true,
  sessionHeader: true,
  publicUrl: true,
  challengeTtl: true,
  handlerTimeout: true,
  creditTtl: true,
  results: true,
  maxUnsettled: true,
  challengeLimit: true,
  trustProxy: true,
  cors: true,
  problemBase: true,
  stub: true,
  onError: true,
  webhooks: true,
  vaults: true,
  apiKeys: true,
  basePath: true,
  discovery: true,
  clock: true,
  random: true,
}

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
