import { type Clock, systemClock } from '../lib/clock.ts'
import { type Random, systemRandom } from '../lib/id.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import { type Price, parsePrice } from '../payments/amount.ts'
import type { ChainId } from '../payments/chain.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import type { Environment, Protocol } from '../protocols/protocol.ts'
import { stub } from '../protocols/stub.ts'
import type { Store } from '../stores/store.ts'
import { traceProtocol } from '../tracing/traced-protocol.ts'
import { traceStore } from '../tracing/traced-store.ts'
import type { Trace } from '../tracing/tracer.ts'
import { createEngine, type Engine } from './engine.ts'
import { type ChallengeLimit, createLimiter, type Limiter } from './limiter.ts'
import { type Observers, readObservers } from './observers.ts'
import { DAY, printable, seconds, whole } from './option-values.ts'
import type { CofferOptions, WalletOptions } from './options.ts'

/** {@link CofferOptions}, checked and complete. */
export interface Settings extends Engine, Observers {
  readonly wallets: ReadonlyMap<string, Wallet>
  readonly protocols: readonly Protocol[]
  readonly store: Store
  readonly limiter: Limiter | null
  readonly realm: string | null
  /** Where clients reach the server; `null` for what each request says. */
  readonly publicUrl: URL | null
  /** Field that carries the session id, both ways. */
  readonly sessionHeader: string
  readonly challengeTtl: number
  readonly trustProxy: number
  readonly cors: '*' | readonly string[] | false
  readonly problemBase: string
  readonly serverTiming: boolean
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

const MIN_SECRET_BYTES = 32

/**
 * Checks a configuration and fills in its defaults.
 *
 * @throws CofferError `invalid-option` naming the option, what was expected and what came. Never shows a secret.
 */
export function readOptions(options: CofferOptions): Settings {
  refuseUnknownOptions(options, Object.keys(OPTION_NAMES), 'options')
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const environment: Environment = { secrets: readSecrets(options.secret), clock, random }
  const observers = readObservers(options, clock)
  const { onError, notifier, trace } = observers
  const protocols = readProtocols(options, environment, trace)
  const wallets = readWallets(options.wallets)
  const handlerTimeout = seconds('handlerTimeout', options.handlerTimeout ?? 300, 1, DAY)
  const resultTtl = seconds('results.ttl', options.results?.ttl ?? DAY, 60, 30 * DAY)
  const own = options.store ?? invalidOption('store', "a store such as sqlite('coffer.db')")
  const store = notifier.watch(trace === null ? own : traceStore(own, trace))
  const engine = createEngine({
    environment,
    protocols,
    store,
    webhooks: options.webhooks ?? null,
    vaults: options.vaults ?? null,
    notifier,
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
    publicUrl: options.publicUrl === undefined ? null : readPublicUrl(options.publicUrl),
    challengeTtl: seconds('challengeTtl', options.challengeTtl ?? 300, 10, DAY),
    trustProxy: whole('trustProxy', options.trustProxy ?? 0, 0, 32),
    cors: options.cors ?? '*',
    problemBase: (options.problemBase ?? 'urn:coffer:problems').replace(/\/$/, ''),
    ...observers,
    serverTiming: options.serverTiming ?? false,
    creditMs: seconds('creditTtl', options.creditTtl ?? DAY, 60, 365 * DAY) * 1000,
    maxResultBytes: whole('results.maxBytes', options.results?.maxBytes ?? 2 ** 20, 0, 2 ** 26),
    maxUnsettled: parsePrice(options.maxUnsettled ?? '1', 'maxUnsettled'),
    clock,
    random,
  }
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

function readProtocols(
  options: CofferOptions,
  environment: Environment,
  trace: Trace | null,
): readonly Protocol[] {
  const factories = [...(options.protocols ?? [])]
  if (readStub(options.stub)) factories.unshift(stub())
  if (factories.length === 0) invalidOption('protocols', 'at least one protocol, such as x402({ … })')
  const protocols = factories.map((factory) => factory(environment))
  return trace === null ? protocols : protocols.map((protocol) => traceProtocol(protocol, trace))
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

function readPublicUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    return invalidOption('publicUrl', 'an http or https URL', url)
  if (parsed.pathname !== '/' || parsed.search !== '')
    invalidOption('publicUrl', 'an origin without a path', url)
  return parsed
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
  hooks: true,
  logger: true,
  tracer: true,
  serverTiming: true,
  webhooks: true,
  vaults: true,
  apiKeys: true,
  basePath: true,
  discovery: true,
  clock: true,
  random: true,
}
