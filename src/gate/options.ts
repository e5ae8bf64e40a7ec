import type { BlobStore } from '../blobs/blob-store.ts'
import type { Hooks } from '../hooks/hooks.ts'
import type { Logger } from '../hooks/logger.ts'
import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import type { JsonObject } from '../lib/json.ts'
import type { SettleMode } from '../payments/payment.ts'
import type { ProtocolFactory } from '../protocols/protocol.ts'
import type { Bus } from '../stores/bus.ts'
import type { Store } from '../stores/store.ts'
import type { Tracer } from '../tracing/tracer.ts'
import type { Limits } from '../vaults/limits.ts'
import type { WebhooksFactory } from '../webhooks/webhooks.ts'
import type { ChallengeLimit } from './limiter.ts'

/** What {@link createCoffer} takes. */
export interface CofferOptions {
  /** Secrets of at least 32 bytes each. The first signs challenges, all verify them: rotate by putting a new one in front. */
  readonly secret: string | readonly string[]
  /** Who is paid, by wallet id. */
  readonly wallets: { readonly [id: string]: WalletOptions }
  /** How payers may pay, in the order in which they are offered: `x402({ … })`, `mpp({ … })`. */
  readonly protocols: readonly ProtocolFactory[]
  /** Where payments are kept: `sqlite('coffer.db')`; `memory()` forgets them with the process. */
  readonly store: Store
  /** Authority that asks for payment, shown to payers. Default: the host name of the request. */
  readonly realm?: string
  /** Field that carries session ids, both ways. Default `X-PRUDRA-SESSION-ID`. */
  readonly sessionHeader?: string
  /**
   * Origin that payers reach this server under, such as `https://api.example.com`, when a proxy hides it. Session tokens that were
   * signed for another host are then refused.
   */
  readonly publicUrl?: string
  /** Seconds that a challenge is good for, 10 to 86400. Default 300. */
  readonly challengeTtl?: number
  /** Seconds that a handler may work before its payment counts as abandoned and may be redeemed again. Default 300. */
  readonly handlerTimeout?: number
  /** Seconds that a payment whose answer failed can be redeemed with the same credential. Default 86400. */
  readonly creditTtl?: number
  /** How answers are kept for requests with an `Idempotency-Key`. */
  readonly results?: ResultOptions
  /** US dollars of answers that may be given before their money moved, over all routes that settle in the background; beyond it they settle before. Default `'1'`. */
  readonly maxUnsettled?: string
  /** Tells endpoints of yours what became of payments: `webhooks()`. Default: nobody is told. */
  readonly webhooks?: WebhooksFactory
  /** Where vaults keep what is put into them. Default: there are no vaults. */
  readonly vaults?: VaultOptions
  /**
   * Bearer keys that let operators use `coffer.fetch`, at least 32 characters each (`A-Z a-z 0-9 . _ ~ + / -`). Default:
   * none, and all its routes but those of discovery answer 401.
   */
  readonly apiKeys?: readonly string[]
  /** Path that `coffer.fetch` is mounted at, such as `/coffer`. Default `/`. */
  readonly basePath?: string
  /** What `/openapi.json` and `/llms.txt` of `coffer.fetch` tell of the routes that are paid for. */
  readonly discovery?: DiscoveryOptions
  /** How many unpaid requests a client may make. Default 20 in 60 s; `false` for no limit. */
  readonly challengeLimit?: ChallengeLimit | false
  /** How many proxies of your own add to `X-Forwarded-For`. Default 0: the field is ignored. */
  readonly trustProxy?: number
  /** Origins whose scripts may pay and read the answers. Default `'*'`; `false` leaves CORS to the server. */
  readonly cors?: '*' | readonly string[] | false
  /** What the `type` of problems begins with that no specification defines. Default `urn:coffer:problems`. */
  readonly problemBase?: string
  /**
   * Accepts `X-PAYMENT: stub_<anything>` once per value instead of money, to try things out. Refused when `NODE_ENV` is
   * `production`. Default: whether the environment variable `PAYMENT_STUB_MODE` is `true`.
   */
  readonly stub?: boolean
  /**
   * Told of failures that no caller sees: an answer that was delivered but could not be recorded as such, a hook that
   * throws. What it throws itself is passed over.
   */
  readonly onError?: (error: unknown) => void
  /**
   * Functions that are told what happens, such as `{ 'payment.settled': ({ payment }) => … }`; `'*'` is told everything.
   * Nobody waits for them and what they throw goes to `onError`, so they cannot break a payment. An event that a commit
   * makes true is told after that commit by the process that made it, at most once: what must arrive is for webhooks.
   */
  readonly hooks?: Hooks | readonly Hooks[]
  /** Where events and what `onError` is told are written: `console`, a pino logger. Default: nowhere. */
  readonly logger?: Logger
  /** Follows what takes time, such as that of `openTelemetry()` from `coffer/opentelemetry`. Default: nobody does. */
  readonly tracer?: Tracer
  /**
   * Whether answers tell in `Server-Timing` what they spent their time with. For development: it lets payers see how your
   * service works. Default false.
   */
  readonly serverTiming?: boolean
  /** Where the time comes from. Default: the machine. */
  readonly clock?: Clock
  /** Where randomness comes from. Default: the runtime's cryptographic source. */
  readonly random?: Random
}

/** What a session covers. */
export interface SessionOptions {
  /** Name that routes share to share sessions. Default: routes of the same wallet do. */
  readonly scope?: string
  /** Requests that a session lets in. Default: any number. */
  readonly maxRequests?: number
  /** US dollars that its requests may be worth together, as a decimal string. Default: any sum. */
  readonly budget?: string
  /** Whether a request must prove that the payer makes it, with a signed `X-Session-Token`. Default false. */
  readonly bindPayer?: boolean
}

/** What vaults stand on. */
export interface VaultOptions {
  /** Where files and large documents are kept: `fsBlobs('data')`, `memoryBlobs()`. */
  readonly blobs: BlobStore
  /** Wakes those who follow events, in this process and others. Default: they poll. */
  readonly bus?: Bus
  /** How much may be kept: `plans.pro`, or limits of your own. Default: no limits but 7 days for a vault. */
  readonly limits?: Partial<Limits>
  /** Hours that it is remembered that there was a vault, 1 to 8760. Default 720. */
  readonly tombstoneHours?: number
}

/** How answers are kept, so that one that got lost on the way can be had again. */
export interface ResultOptions {
  /** Largest body that is kept, bytes; larger answers are marked as not to be had again. Default 1 MiB. */
  readonly maxBytes?: number
  /** Seconds that they are kept. Default 86400. */
  readonly ttl?: number
}

/** A wallet of the seller. */
export interface WalletOptions {
  /** Address that is paid, on every chain that `networks` does not name. */
  readonly address: string
  /** Other addresses by CAIP-2 chain id, such as `{ 'eip155:8453': '0x…' }`. */
  readonly networks?: { readonly [chain: string]: string }
}

/** What a service tells of itself before any request. */
export interface DiscoveryOptions {
  /** Name of the service, one line. Default `A paid API`. */
  readonly title?: string
  /** Version of the service. Default `1.0.0`. */
  readonly version?: string
  /** The routes that are paid for, such as `{ 'GET /report': { price: '0.05' } }`. Parameters of a path: `:id` or `{id}`. */
  readonly routes?: { readonly [name: RouteName]: PublishedRoute }
}

/** Method and path of a route. */
export type RouteName = `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`

/** A route that is told of: how it is charged for, and what it does. */
export interface PublishedRoute extends RouteOptions {
  /** What it does, one line. */
  readonly summary?: string
  /** Further members of its OpenAPI operation: `parameters`, `requestBody`, `responses`. */
  readonly openapi?: JsonObject
}

/**
 * How a route is charged for. What its options promise is in their types, from where {@link Grant} knows what a handler
 * gets: write them where they are passed, or with `as const`.
 */
export interface RouteOptions<
  WithVault extends boolean = boolean,
  WithSession extends boolean | SessionOptions = boolean | SessionOptions,
> {
  /**
   * US dollars as a decimal string such as `'0.01'`, or a function of the request. A function is asked twice, once
   * for the 402 and once for the paid request, and must answer the same both times; it must not read the body.
   */
  readonly price: string | ((request: Request) => string | Promise<string>)
  /** Id of the wallet to pay. Default: the only one, or the one called `main`. */
  readonly wallet?: string
  /**
   * When money moves. `before` (default): then the handler runs. `after`: when the handler has answered with less than
   * 400; the answer is held back until the money moved, so it cannot be a stream. `background`: the answer goes out at
   * once and the outbox settles, within {@link CofferOptions.maxUnsettled}.
   */
  readonly settle?: SettleMode
  /**
   * Whether a paid request must carry a key: `Idempotency-Key`, or the `payment-identifier` of x402, which its clients are told
   * to send. Default false: it may.
   */
  readonly requireIdempotency?: boolean
  /**
   * Whether a payment opens a session, with which its payer may make further requests without paying: to routes of the
   * same wallet (or `scope`) that accept sessions and cost no more. Default false.
   */
  readonly acceptSessions?: WithSession
  /** Seconds that such a session lasts, 60 to 604800. Default 86400. */
  readonly sessionTtl?: number
  /**
   * Whether a payment makes a vault: a place for the results of its requests, and of those of its session. Needs
   * {@link CofferOptions.vaults}. Default false.
   */
  readonly vault?: WithVault
  /** Shown to payers. Text in any language, without control characters, at most 500 characters. */
  readonly description?: string
  /**
   * Whether a credential is good for one body only: challenges then carry its digest. The body is read before the
   * handler runs, at most `maxBytes` (default 1 MiB); a larger one is answered 413. Default false.
   */
  readonly bindBody?: boolean | { readonly maxBytes: number }
}
