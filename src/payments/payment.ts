import type { JsonObject } from '../lib/json.ts'
import type { Address } from './address.ts'
import type { ChainId } from './chain.ts'
import type { SessionTerms } from './session-terms.ts'
import type { Settlement } from './settlement.ts'

/** Protocols that a payment can come through. */
export type ProtocolName = 'x402' | 'mpp'

/**
 * When money moves: `before` the handler runs; `after` it has answered with less than 400; in the `background`, by the
 * outbox, while the handler runs.
 */
export type SettleMode = 'before' | 'after' | 'background'

/**
 * Our record of a proof, as the store keeps it: what became of the money, and what became of the answer.
 *
 * ```
 * claimed --> settled         the money moved
 *    |   `--> failed          it did not, and never will for this credential
 *    `------> unknown         it may have: the chain is asked until it tells; also when a block is taken back
 *
 * owed ------> delivered      the handler answered with less than 400
 * ```
 *
 * A payment is worked on by who holds its lease. When the lease lapses, whoever comes next may take it.
 */
export interface Payment {
  readonly id: string
  readonly proofs: readonly string[]
  readonly protocol: ProtocolName
  /** The protocol's name for the way of paying: `exact`, `tempo`, `evm`, `stub`. */
  readonly method: string
  readonly network: ChainId
  /** Token contract. */
  readonly asset: Address
  /** Base units of the asset, as a decimal string. */
  readonly amount: string
  readonly decimals: number
  readonly payer: Address
  readonly recipient: Address
  /** Id of the wallet that was paid. */
  readonly wallet: string
  /** What was paid for: method and request target. */
  readonly route: string
  /** Digest of the body that it was paid for, when the route binds it. */
  readonly digest: string | null
  readonly settle: SettleMode
  /** SHA-256 of the credential as sent: only its holder may redeem what is owed. */
  readonly credentialHash: string
  /** The request that an idempotency key stands for; `null` when the payer sent no key. */
  readonly idempotency: Idempotency | null
  /** Whether it makes a vault, in the same commit as its settlement. */
  readonly vault: boolean
  /** The session that it opens; `null` when it opens none. */
  readonly session: SessionTerms | null
  /** What the protocol needs to ask the chain about this payment. */
  readonly evidence: JsonObject
  readonly state: 'claimed' | 'settled' | 'failed' | 'unknown'
  readonly delivery: 'owed' | 'delivered'
  /** Until when somebody works on this payment, epoch milliseconds; `null` when nobody does. */
  readonly leaseUntil: number | null
  /** Transaction hash, when known. */
  readonly transaction: string | null
  readonly block: string | null
  /** Why it failed, in the protocol's words. */
  readonly cause: string | null
  readonly claimedAt: number
  readonly settledAt: number | null
  readonly deliveredAt: number | null
  /** When its transaction was found to have vanished from the chain. */
  readonly vanishedAt: number | null
}

/** A key that a payer gave a request, so that it can be sent again. */
export interface Idempotency {
  /** SHA-256 of payer and key: the key itself is the payer's secret. */
  readonly hash: string
  /** SHA-256 of the request's method, URL and body. */
  readonly fingerprint: string
}

/** What a payment is before anything happened to it. */
export type NewPayment = Omit<
  Payment,
  | 'state'
  | 'delivery'
  | 'leaseUntil'
  | 'transaction'
  | 'block'
  | 'cause'
  | 'claimedAt'
  | 'settledAt'
  | 'deliveredAt'
  | 'vanishedAt'
>

/** The first state: nobody else can use the proof, no money has moved. */
export function claimed(payment: NewPayment, now: number, leaseUntil: number): Payment {
  return {
    ...payment,
    state: 'claimed',
    delivery: 'owed',
    leaseUntil,
    transaction: null,
    block: null,
    cause: null,
    claimedAt: now,
    settledAt: null,
    deliveredAt: null,
    vanishedAt: null,
  }
}

/**
 * What a settlement makes of a payment. Its lease goes on for the handler to run, unless the money did not move and the
 * handler waits for it. `unsent` leaves it in doubt too, without a transaction: the claim outlives the attempt, and the
 * same credential settles it when it comes back.
 */
export function afterSettlement(payment: Payment, settlement: Settlement, now: number): Payment {
  const leaseUntil = payment.settle === 'background' ? payment.leaseUntil : null
  switch (settlement.outcome) {
    case 'settled':
      return {
        ...payment,
        state: 'settled',
        transaction: settlement.transaction,
        block: settlement.block,
        cause: null,
        settledAt: now,
      }
    case 'failed':
      return { ...payment, state: 'failed', leaseUntil, cause: settlement.cause }
    case 'unknown':
      return {
        ...payment,
        state: 'unknown',
        leaseUntil,
        transaction: settlement.transaction ?? payment.transaction,
      }
    case 'unsent':
      return { ...payment, state: 'unknown', leaseUntil }
  }
}

/** Somebody works on it, from now. */
export function leased(payment: Payment, leaseUntil: number): Payment {
  return { ...payment, leaseUntil }
}

/** The handler did not deliver: what was paid for stays owed, or, when no money has moved yet, unpaid. */
export function owed(payment: Payment): Payment {
  return { ...payment, leaseUntil: null }
}

/** The payer has the answer. */
export function delivered(payment: Payment, now: number): Payment {
  return { ...payment, delivery: 'delivered', leaseUntil: null, deliveredAt: now }
}

/** Its transaction is on the chain no more: the money may never move, and the chain has to be asked again. */
export function vanished(payment: Payment, now: number): Payment {
  return { ...payment, state: 'unknown', cause: 'transaction_vanished', vanishedAt: now }
}

/** Whether somebody holds the lease now. */
export function isLeased(payment: Payment, now: number): boolean {
  return payment.leaseUntil !== null && payment.leaseUntil > now
}

/** Whether the time to redeem what was paid for has passed. */
export function isExpiredCredit(payment: Payment, now: number, creditMs: number): boolean {
  return payment.settledAt !== null && payment.delivery === 'owed' && now > payment.settledAt + creditMs
}
