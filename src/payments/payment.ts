import type { JsonObject } from '../lib/json.ts'
import type { Address } from './address.ts'
import type { ChainId } from './chain.ts'
import type { Settlement } from './settlement.ts'

/** Protocols that a payment can come through. */
export type ProtocolName = 'x402' | 'mpp'

/**
 * Our record of a proof, as the store keeps it.
 *
 * ```
 * claimed --settle--> settled (owed) --handler answered < 400--> settled (delivered)
 *    |  \                 ^   `--handler answered >= 400 or crashed--> still owed: the same credential redeems it
 *    |   `--> failed      |
 *    `------> unknown ----'   until the chain tells
 * ```
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
  /** SHA-256 of the credential as sent: only its holder may redeem what is owed. */
  readonly credentialHash: string
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
}

/** What a payment is before anything happened to it. */
export type NewPayment = Omit<
  Payment,
  'state' | 'delivery' | 'leaseUntil' | 'transaction' | 'block' | 'cause' | 'claimedAt' | 'settledAt' | 'deliveredAt'
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
  }
}

/**
 * What a settlement makes of a payment. `unsent` stays in doubt too, without a transaction: the claim must outlive the
 * attempt, and the same credential settles it when it comes back.
 */
export function afterSettlement(
  payment: Payment,
  settlement: Settlement,
  now: number,
  leaseUntil: number,
): Payment {
  switch (settlement.outcome) {
    case 'settled':
      return {
        ...payment,
        state: 'settled',
        leaseUntil,
        transaction: settlement.transaction,
        block: settlement.block,
        settledAt: now,
      }
    case 'failed':
      return { ...payment, state: 'failed', leaseUntil: null, cause: settlement.cause }
    case 'unknown':
      return { ...payment, state: 'unknown', leaseUntil: null, transaction: settlement.transaction }
    case 'unsent':
      return { ...payment, state: 'unknown', leaseUntil: null }
  }
}

/** Somebody works on it again: settles a claim that its owner abandoned, or runs the handler for what is owed. */
export function leased(payment: Payment, leaseUntil: number): Payment {
  return { ...payment, leaseUntil }
}

/** The handler did not deliver: what was paid for stays owed. */
export function owed(payment: Payment): Payment {
  return { ...payment, leaseUntil: null }
}

/** The payer has the answer. */
export function delivered(payment: Payment, now: number): Payment {
  return { ...payment, delivery: 'delivered', leaseUntil: null, deliveredAt: now }
}

/** Whether somebody holds the lease now. */
export function isLeased(payment: Payment, now: number): boolean {
  return payment.leaseUntil !== null && payment.leaseUntil > now
}
