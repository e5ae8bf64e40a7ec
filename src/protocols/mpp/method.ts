import type { JsonObject } from '../../lib/json.ts'
import type { Price } from '../../payments/amount.ts'
import type { Asset } from '../../payments/asset.ts'
import type { ChainId } from '../../payments/chain.ts'
import type { Payment } from '../../payments/payment.ts'
import type { Settlement } from '../../payments/settlement.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Charge, Finality, Terms, Verified } from '../protocol.ts'

/** Intent of all our methods: one payment for one request. */
export const CHARGE_INTENT = 'charge'

/** A payment method of the Payment scheme: `tempo`, `evm`. */
export interface Method {
  /** Name on the wire. */
  readonly name: string
  readonly chain: ChainId
  /** Token to be paid in. */
  readonly asset: Asset
  /** The `request` of a challenge: what to pay, in this method's own schema. Deterministic. */
  request(terms: Terms): JsonObject
  /** Checks a payload against the challenge it answers, which has been authenticated and is not expired. */
  verify(presented: Presented, charge: Charge): Promise<Payload | Refusal>
  /** Asks the chain what became of a payment. Never throws. */
  reconcile(payment: Payment): Promise<Settlement>
  /** Whether a settled payment has to be looked at again, because its chain may take it back. */
  watches(payment: Payment): boolean
  /** Whether a settled payment is there to stay. */
  confirm(payment: Payment): Promise<Finality>
  /** Moves the money of a payload that was verified earlier, from what it left in `deferred`. Never throws. */
  settleDeferred(payment: Payment, deferred: JsonObject): Promise<Settlement>
  /** Throws for a price that the method's asset cannot express. */
  checkPrice(price: Price): void
}

/** A credential whose challenge is ours, for this route, and not expired. */
export interface Presented {
  readonly challengeId: string
  readonly realm: string
  readonly payload: JsonObject
  /** DID of the payer, when the client named one. Not yet believed. */
  readonly source: string | null
  /** When it was presented, epoch milliseconds. */
  readonly now: number
}

/** A payload that passed every check that moves no money. The protocol adds the challenge to what it spends. */
export interface Payload extends Omit<Verified, 'proofs' | 'method' | 'network'> {
  /** What it spends besides the challenge, such as a transaction; in canonical form. */
  readonly proofs: readonly string[]
}

/** The member that tells people what they pay for. */
export function descriptionOf({ description }: Terms): { readonly description?: string } {
  return description === null ? {} : { description }
}
