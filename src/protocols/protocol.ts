import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Fields, HeaderField } from '../lib/message.ts'
import type { Address } from '../payments/address.ts'
import type { Price } from '../payments/amount.ts'
import type { Asset } from '../payments/asset.ts'
import type { ChainId } from '../payments/chain.ts'
import type { Payment, ProtocolName } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import type { Refusal } from '../problems/refusal.ts'

/**
 * How a payment protocol plugs in. Made once by a factory such as `x402({ networks })`, bound to an
 * {@link Environment} when the configuration is read. A protocol reads and writes its own wire, checks credentials
 * and moves money; it never touches a store.
 */
export interface Protocol {
  readonly name: ProtocolName
  /** Writes the ways to pay this charge. `null` when this protocol has none for it. */
  challenge(charge: Charge, request: Fields, refusal: Refusal): Challenge | null
  /** Reads this protocol's credential; `null` when the request carries none. */
  credential(request: Fields): Credential | Refusal | null
  /** Checks everything that can be checked without moving money. */
  verify(credential: Credential, charge: Charge): Promise<Verified | Refusal>
  /** Asks the chain what became of a payment whose settlement nobody saw end. Never throws. */
  reconcile(payment: Payment): Promise<Settlement>
  /** {@link Verified.settle} from what {@link Verified.deferred} kept, perhaps in another process. Never throws. */
  settleDeferred(payment: Payment, deferred: JsonObject): Promise<Settlement>
  /** Whether a settled payment has to be looked at again, because its chain may take it back. */
  watches(payment: Payment): boolean
  /** Whether a settled payment is there to stay. Never throws. */
  confirm(payment: Payment): Promise<Finality>
  /** Header fields of the receipt of a payment, for an answer with this status. */
  receipt(payment: Payment, status: number): readonly HeaderField[]
  /** Every way to pay such a charge, as it can be told before there is a request. */
  offers(terms: Terms): readonly Offer[]
  /** Throws for a price that no offer can express exactly (more decimals than the asset has). */
  checkPrice(price: Price): void
  /** Chains that this protocol is paid on; each needs a recipient in every wallet. */
  readonly chains: readonly ChainId[]
}

/** Makes a {@link Protocol} once the environment is known. */
export type ProtocolFactory = (environment: Environment) => Protocol

/** What a protocol may use besides its own options. */
export interface Environment {
  /** HMAC keys: the first signs, all verify. */
  readonly secrets: readonly Uint8Array[]
  readonly clock: Clock
  readonly random: Random
}

/** What one request has to pay: the route's options applied to the request. */
export interface Charge {
  readonly price: Price
  /** Who is paid on a chain. */
  recipient(chain: ChainId): Address
  /** Absolute URL of the resource, as the payer sees it. */
  readonly url: string
  /** What a credential is bound to: method and request target, such as `POST /agent/step`. HEAD counts as GET. */
  readonly route: string
  /** Authority that asks for payment (RFC 9110 section 11.5). */
  readonly realm: string
  readonly description: string | null
  /** `sha-256=:…:` of the body (RFC 9530) when the route binds it. */
  readonly digest: string | null
  /** Whether the handler works before the money moves, so that a payer without money must be found out first. */
  readonly settlesLater: boolean
  /** Whether the request must carry an idempotency key. */
  readonly requireKey: boolean
  /** How long a challenge is good for, seconds. */
  readonly ttl: number
  /** When challenges written now end, epoch milliseconds. */
  readonly expiresAt: number
}

/** What of a charge is the same for every request of a route. */
export type Terms = Pick<Charge, 'price' | 'recipient' | 'description'>

/** One way to pay for a route. */
export interface Offer {
  /** The protocol's name for the way of paying: `exact`, `tempo`, `evm`. */
  readonly method: string
  readonly network: ChainId
  /** Token contract. */
  readonly asset: Address
  /** Base units of the asset. */
  readonly amount: bigint
  readonly recipient: Address
}

/** How deep a transaction lies: deep enough, not yet, or no longer on the chain at all. */
export type Finality = 'final' | 'pending' | 'vanished'

/** One protocol's part of a 402. */
export interface Challenge {
  readonly headers: readonly HeaderField[]
  /** Members for the body of the 402. */
  readonly members?: JsonObject
}

/** What a client sent to pay, read but not yet believed. */
export interface Credential {
  readonly protocol: ProtocolName
  /** The text that carried it, as sent. Identifies this very credential; never logged or stored. */
  readonly text: string
  /** A key that the credential gives its request (x402 `payment-identifier`); `null` when it gives none. */
  readonly key: string | null
  /** The protocol's own reading of it. */
  readonly content: unknown
}

/** A credential that passed every check that moves no money. */
export interface Verified {
  /**
   * What can be spent once, in canonical form. The first names the payment; all are claimed together, so that one
   * transfer cannot stand for two challenges.
   */
  readonly proofs: readonly [string, ...string[]]
  /** The protocol's name for the way of paying: `exact`, `tempo`, `evm`. */
  readonly method: string
  readonly network: ChainId
  readonly asset: Asset
  readonly amount: bigint
  readonly payer: Address
  readonly recipient: Address
  /** What {@link Protocol.reconcile} needs after a restart. Never a signature. */
  readonly evidence: JsonObject
  /**
   * What {@link Protocol.settleDeferred} needs to move the money later; `null` when there is nothing to put off: the
   * payer has moved it already, or a signature alone pays.
   */
  readonly deferred: JsonObject | null
  /** Moves the money. Called once, after the claim. Never throws: trouble is an outcome. */
  settle(): Promise<Settlement>
}
