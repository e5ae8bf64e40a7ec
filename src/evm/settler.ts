import type { Hex } from '../lib/hex.ts'
import type { Asset } from '../payments/asset.ts'
import type { Settlement } from '../payments/settlement.ts'
import type { Refusal } from '../problems/refusal.ts'
import type { Authorization } from './authorization.ts'
import type { EvmNetwork } from './network.ts'

/** Moves money that a payer has authorized: our own wallet, or a remote facilitator. */
export interface Settler {
  /** Short name for logs: `wallet`, `facilitator`. */
  readonly name: string
  /** Whether it reads and writes the chain itself, so that the network must have `rpc`. Default false. */
  readonly needsRpc?: boolean
  /**
   * Whether the authorization would settle now, as far as can be known without sending it: asked when the answer goes out
   * before the money moves. `null` when it would. Never throws.
   */
  verify(transfer: SignedTransfer): Promise<Refusal | null>
  /** Submits the authorization and waits for its end within bounds. Never throws: trouble is an outcome. */
  settle(transfer: SignedTransfer): Promise<Settlement>
}

/** An authorization with its signature, and where it is to be submitted. */
export interface SignedTransfer {
  readonly network: EvmNetwork
  readonly asset: Asset
  readonly authorization: Authorization
  readonly signature: Hex
  /** Absolute URL of what is paid for; facilitators ask for it. */
  readonly resource: string
}
