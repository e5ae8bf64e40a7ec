import { CofferError, type CofferErrorCode } from '../problems/error.ts'
import type { OfferInfo } from './offer-info.ts'

/** Why an offer is not paid. */
export type OfferRefusalReason =
  /** It cannot be read, or is of a kind that nobody here can pay. */
  | 'unreadable'
  /** The answer came from another address than was asked. */
  | 'redirected'
  /** The server is not one that is to be paid. */
  | 'origin-not-accepted'
  /** The connection is not encrypted. */
  | 'insecure-origin'
  /** The offer is for another URL. */
  | 'resource-mismatch'
  /** The offer is for another request body. */
  | 'digest-mismatch'
  /** The request has an `Authorization` of its own, and the offer wants that field. */
  | 'authorization-in-use'
  | 'protocol-not-accepted'
  | 'network-not-accepted'
  | 'asset-not-accepted'
  | 'recipient-not-accepted'
  /** It has ended. */
  | 'expired'
  /** The wallet cannot sign it, or there is no RPC endpoint for its chain. */
  | 'cannot-sign'
  /** It costs more than this request may. */
  | 'too-expensive'
  /** It would go beyond a limit of the budget. */
  | 'over-budget'
  /** No limit of the budget says anything about its token. */
  | 'unlimited'
  /** `policy.approve` said no. */
  | 'not-approved'

/** One offer that is not paid, and why. */
export interface OfferRefusal {
  readonly reason: OfferRefusalReason
  /** One sentence. */
  readonly detail: string
  /** What would have been right, when there is a short way to say it. */
  readonly expected?: string
  /** What came instead. */
  readonly got?: string
  /** `null` when it could not be read, or when the reason holds for all of them. */
  readonly offer: OfferInfo | null
}

/**
 * A payment that was not made, was not taken, or whose outcome is not known. `code` is one of `payment-refused`,
 * `payment-rejected`, `payment-unresolved` and `answer-lost`.
 */
export class PaymentError extends CofferError {
  /** Id of the attempt: `att_…`; `null` when there was none, so that nothing can have moved. */
  readonly attempt: string | null
  /** Why each offer was refused, for `payment-refused`; else empty. */
  readonly refusals: readonly OfferRefusal[]
  /** Seconds after which the server wants to see the same payment again; `null` when it did not say. */
  readonly retryAfter: number | null

  constructor(
    code: Extract<CofferErrorCode, `payment-${string}` | 'answer-lost'>,
    message: string,
    more: {
      readonly attempt?: string
      readonly refusals?: readonly OfferRefusal[]
      readonly retryAfter?: number | null
      readonly cause?: unknown
    } = {},
  ) {
    super(code, message, 'cause' in more ? { cause: more.cause } : {})
    this.attempt = more.attempt ?? null
    this.refusals = more.refusals ?? []
    this.retryAfter = more.retryAfter ?? null
  }
}

/** The error for a 402 of which nothing is paid. */
export function refused(url: URL, refusals: readonly OfferRefusal[]): PaymentError {
  const details = [...new Set(refusals.map(({ detail }) => detail))].slice(0, 5).join(' ')
  return new PaymentError('payment-refused', `${url.origin}${url.pathname} is not paid: ${details}`, {
    refusals,
  })
}

/** The error for a payment of which nobody knows what became: its attempt is to be resumed. */
export function unresolved(
  attempt: string,
  said: string,
  more: { readonly cause?: unknown; readonly retryAfter?: number | null } = {},
): PaymentError {
  const message = `${said} The payment may have been made: resume the attempt ${attempt}, do not pay again.`
  return new PaymentError('payment-unresolved', message, { ...more, attempt })
}
