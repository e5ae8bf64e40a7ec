import type { JsonObject } from '../lib/json.ts'
import type { Address } from '../payments/address.ts'
import type { ChainId } from '../payments/chain.ts'
import type { ProtocolName } from '../payments/payment.ts'
import type { Evidence } from '../protocols/payer.ts'
import type { SessionTerms } from './session-terms.ts'

/**
 * What became of an attempt to pay.
 *
 * ```
 * reserved --> sent --> paid         answered: what was paid for has come
 *    |          |  `--> lost         the money moved, and the answer cannot be had any more
 *    |          |`----> abandoned    its owner gave up; it counts as spent, because the money may have moved
 *    `----------`-----> failed       no money moved, and none will: it counts no more
 * ```
 *
 * `reserved`: its price is held back, and nothing is signed that anybody has seen. `sent`: it is signed, its money may
 * have moved, and its credential is good for the answer.
 */
export type AttemptState = 'reserved' | 'sent' | 'paid' | 'lost' | 'abandoned' | 'failed'

/** An attempt to pay for one request, as the journal keeps it. */
export interface Attempt {
  /** `att_…`; later attempts have later ids. */
  readonly id: string
  readonly state: AttemptState
  readonly createdAt: number
  /** When it reached a state that it will not leave; `null` until then. */
  readonly resolvedAt: number | null
  readonly request: AttemptRequest
  /** `Idempotency-Key` of the request: the same for as long as the attempt lasts. */
  readonly key: string
  readonly payment: AttemptPayment
  /** Terms of the session that it is made for; `null` when it is made for an answer. */
  readonly session: SessionTerms | null
  /** The field that pays; `null` until it is signed. Whoever has it may collect the answer. */
  readonly credential: { readonly name: string; readonly value: string } | null
  /** What the chain is asked by; `null` until it is signed. */
  readonly evidence: Evidence | null
  /** Transaction that moved the money, by the server's word or the chain's. */
  readonly transaction: string | null
  /** What happened last, for people. */
  readonly note: string
  /** Rows of the budget that it counts in, and until when they are of use. */
  readonly scopes: readonly { readonly key: string; readonly expiresAt: number | null }[]
  /** Who works on it, and until when that holds, epoch milliseconds; `null` when nobody does. */
  readonly lease: { readonly owner: string; readonly until: number } | null
}

/** The request that an attempt pays for. Of its fields only those that say what the body is; the others may be secrets. */
export interface AttemptRequest {
  readonly method: string
  readonly url: string
  /** Hash of method, URL and body. */
  readonly fingerprint: string
  readonly contentType: string | null
  readonly accept: string | null
  /** The body in base64, up to 64 KiB of it; `null` when it has none or more, in which case it has to be given again. */
  readonly body: string | null
  /** Length of the body. */
  readonly size: number
}

/** What an attempt pays. */
export interface AttemptPayment {
  readonly protocol: ProtocolName
  /** `exact`, `tempo`, `evm`. */
  readonly method: string
  readonly network: ChainId
  /** Token contract. */
  readonly asset: Address
  readonly symbol: string
  readonly decimals: number
  /** Base units. */
  readonly units: string
  /** Whole tokens. */
  readonly amount: string
  /** US dollars; `null` for a token that is not worth one. */
  readonly usd: string | null
  readonly payer: Address
  readonly recipient: Address
  readonly description: string | null
}

/** An attempt without what could be misused: for programs and people to look at. */
export type AttemptInfo = Pick<
  Attempt,
  'id' | 'state' | 'createdAt' | 'resolvedAt' | 'key' | 'payment' | 'transaction' | 'note'
> & {
  readonly request: Pick<AttemptRequest, 'method' | 'url'>
  /** Whether its money may have moved without an answer: resume it. */
  readonly isOpen: boolean
}

/** What others may see of an attempt. */
export function attemptInfo(attempt: Attempt): AttemptInfo {
  const { id, state, createdAt, resolvedAt, key, payment, transaction, note, request } = attempt
  const { method, url } = request
  const isOpen = attempt.resolvedAt === null
  return {
    id,
    state,
    createdAt,
    resolvedAt,
    key,
    payment,
    transaction,
    note,
    request: { method, url },
    isOpen,
  }
}

/** Whether a state is one that an attempt leaves again. */
export function isOpenState(state: AttemptState): boolean {
  return state === 'reserved' || state === 'sent'
}

/** What an attempt counts as: held back while it is open, spent when its money moved or may have. */
export function weightOf(state: AttemptState): 'held' | 'spent' | null {
  if (state === 'failed') return null
  return isOpenState(state) ? 'held' : 'spent'
}

/** An attempt is plain JSON already: what was written comes back. */
export const attemptOf = (value: JsonObject): Attempt => value as unknown as Attempt
export const attemptValue = (attempt: Attempt): JsonObject => attempt as unknown as JsonObject
