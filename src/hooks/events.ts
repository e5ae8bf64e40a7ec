import type { PaymentInfo } from '../payments/payment-info.ts'
import type { Reason } from '../problems/catalog.ts'

/** Something that happened, as hooks are told of it. Holds no credential, token or secret. */
export type HookEvent<Type extends HookType = HookType> = {
  readonly [Each in Type]: {
    readonly type: Each
    /** When it was told, epoch milliseconds. */
    readonly at: number
  } & HookFacts[Each]
}[Type]

/** What can happen. */
export type HookType = keyof HookFacts

/** What is told of each event, besides its type and time. */
export interface HookFacts {
  /** Its proofs are claimed: nobody else can use them. No money has moved. */
  readonly 'payment.received': PaymentFacts
  /** The money moved. */
  readonly 'payment.settled': PaymentFacts
  /** The money did not move, and never will for this credential. */
  readonly 'payment.failed': PaymentFacts
  /** The money may have moved, or its settlement could not start: the chain will be asked. Told once for each doubt. */
  readonly 'payment.unknown': PaymentFacts
  /** It was settled, and its transaction stands on the chain no more. */
  readonly 'payment.vanished': PaymentFacts
  /** The handler answered with less than 400. */
  readonly 'payment.delivered': PaymentFacts
  /** The handler answered 400 or above: the payer may come back. Its `status` says whether money moved. */
  readonly 'payment.owed': PaymentFacts
  /** No answer came to its end: the handler threw, the body broke off, or the payer left. The payer may come back. */
  readonly 'payment.abandoned': PaymentFacts
  /** Its credential came back, and it is worked on again without a new charge. */
  readonly 'payment.resumed': PaymentFacts
  /** Its answer was brought back for a repeated request. */
  readonly 'payment.replayed': PaymentFacts
  /** A payment opened a session. */
  readonly 'session.created': SessionFacts
  /** A session was ended before its time: by the seller, or because its payment failed after all. */
  readonly 'session.revoked': SessionFacts
  readonly 'vault.created': VaultFacts
  readonly 'vault.sealed': VaultFacts
  readonly 'vault.persisted': VaultFacts
  readonly 'vault.extended': VaultFacts
  /** It expires within the hour. */
  readonly 'vault.expiring': VaultFacts
  readonly 'vault.expired': VaultFacts
  readonly 'vault.deleted': VaultFacts
  /** An endpoint took a message. */
  readonly 'webhook.delivered': WebhookFacts
  /** A try failed; there will be another. */
  readonly 'webhook.failed': WebhookFacts
  /** The message was given up. */
  readonly 'webhook.dead': WebhookFacts
  /** The outbox has tried in vain to keep a promise, such as to find out what became of a payment: somebody has to look. */
  readonly 'job.dead': JobFacts
  /** A request to a priced route was answered with a problem: a 402, whatever its reason, or another. */
  readonly 'request.refused': RequestFacts
}

/** What is told of a payment. */
export interface PaymentFacts {
  /** The payment as it is now. Its `route` goes without the query. */
  readonly payment: PaymentInfo
  /** What there is to say about its settlement, for people; `null` for nothing. */
  readonly detail: string | null
}

/** What is told of a session: never its id. */
export interface SessionFacts {
  readonly session: {
    /** The payment that opened it. */
    readonly paymentId: string
    readonly payer: string
    /** Id of the wallet that was paid. */
    readonly wallet: string
    /** Epoch milliseconds. */
    readonly expiresAt: number
  }
}

/** What is told of a vault: nothing of what it holds. */
export interface VaultFacts {
  readonly vault: {
    readonly id: string
    /** The payment that it belongs to; `null` when it was made without one. */
    readonly paymentId: string | null
    /** When it ends, epoch milliseconds; `null` once it is persisted. */
    readonly expiresAt: number | null
  }
}

/** What is told of a message to an endpoint: not its URL, which may hold a token. */
export interface WebhookFacts {
  readonly delivery: {
    readonly id: string
    /** `wh_…` */
    readonly endpoint: string
    /** Type of the event that the endpoint is told of. */
    readonly event: string
    /** What the endpoint answered; `null` when it did not. */
    readonly status: number | null
    /** Why it did not: a code of the system such as `ECONNREFUSED`, or `failed`; `null` when it did. */
    readonly error: string | null
  }
}

/** What is told of a promise of the outbox. */
export interface JobFacts {
  readonly job: {
    /** Names the promise, such as `reconcile:pay_…`. */
    readonly id: string
    readonly kind: string
    /** How often it was tried. */
    readonly attempts: number
    /** Why the last try failed. */
    readonly error: string | null
  }
}

/** What is told of a request that was refused. */
export interface RequestFacts {
  /** Method and path, without the query. */
  readonly route: string
  readonly reason: Reason
  /** HTTP status of the problem. */
  readonly status: number
  /** Cause in the protocol's own words, such as `invalid_exact_evm_signature`; `null` when there is none. */
  readonly cause: string | null
}
