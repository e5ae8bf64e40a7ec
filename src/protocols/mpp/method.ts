import type { JsonObject } from '../../lib/json.ts'
import type { ChainId } from '../../payments/chain.ts'
import type { Payment } from '../../payments/payment.ts'
import type { Price } from '../../payments/amount.ts'
import type { Settlement } from '../../payments/settlement.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Charge, Verified } from '../protocol.ts'

/** A payment method of the Payment scheme: `tempo`, `evm`. All are of the `charge` intent. */
export interface Method {
  /** Name on the wire. */
  readonly name: string
  readonly chain: ChainId
  /** The `request` of a challenge: what to pay, in this method's own schema. Deterministic. */
  request(charge: Charge): JsonObject
  /** Checks a payload against the challenge it answers, which has been authenticated and is not expired. */
  verify(presented: Presented, charge: Charge): Promise<Verified | Refusal>
  /** Asks the chain what became of a payment. */
  reconcile(payment: Payment): Promise<Settlement>
  /** Throws for a price that the method's asset cannot express. */
  checkPrice(price: Price): void
}

/** A credential whose challenge is ours, for this route, and not expired. */
export interface Presented {
  readonly challengeId: string
  readonly realm: string
  /** End of the challenge, epoch milliseconds. */
  readonly expiresAt: number
  /** The challenge's `request`, equal to what {@link Method.request} gives for the charge. */
  readonly request: JsonObject
  readonly payload: JsonObject
  /** DID of the payer, when the client named one. Not yet believed. */
  readonly source: string | null
}
