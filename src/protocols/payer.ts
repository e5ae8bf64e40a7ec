import type { Rpc } from '../evm/rpc.ts'
import type { Signer } from '../evm/signer.ts'
import type { Hex } from '../lib/hex.ts'
import type { Random } from '../lib/id.ts'
import type { JsonObject } from '../lib/json.ts'
import type { HeaderField } from '../lib/message.ts'
import type { Address } from '../payments/address.ts'
import type { Asset } from '../payments/asset.ts'
import type { ChainId } from '../payments/chain.ts'
import type { ProtocolName } from '../payments/payment.ts'
import type { Offer } from './protocol.ts'

/** The client's half of a protocol: reads what a server asks for, writes what pays it, and reads the receipt. */
export interface PayerProtocol {
  readonly name: ProtocolName
  /** The ways to pay that a 402 names, and why others that it names cannot be read. Never throws. */
  readOffers(unpaid: Unpaid): OffersRead
  /** The receipt of an answer; `null` when it has none. */
  readReceipt(answer: Headers): ReceivedReceipt | UnreadableReceipt | null
}

/** An answer that asks for payment, as far as it was read. */
export interface Unpaid {
  readonly headers: Headers
  /** The body, when it is a JSON object. */
  readonly body: JsonObject | null
}

/** What {@link PayerProtocol.readOffers} found. */
export interface OffersRead {
  readonly offers: readonly ReceivedOffer[]
  /** What is there and cannot be paid, each in one sentence. */
  readonly unreadable: readonly string[]
  /** Why the server asks, in its own words: after a payment, why it did not take that. `null` when it does not say. */
  readonly why: string | null
}

/** An {@link Offer} as a server makes it: well-formed, and nothing of it believed. */
export interface ReceivedOffer extends Offer {
  readonly protocol: ProtocolName
  /** Version of x402; `null` for MPP. */
  readonly version: 1 | 2 | null
  /** URL that it is for, as the server writes it; `null` where the protocol does not say. */
  readonly resource: string | null
  /** What people are told that they pay for. */
  readonly description: string | null
  /** When it ends, epoch milliseconds; `null` when it does not say. */
  readonly expiresAt: number | null
  /** Parts of the amount that go to others than the recipient. */
  readonly splits: readonly Split[]
  /** Digest of the request body that it is for (RFC 9530, in any spelling); `null` when it is for any. */
  readonly digest: string | null
  /** Whether the payer has to sign a transaction: needs {@link Signer.signTransaction} and an RPC endpoint. */
  readonly needsTransaction: boolean
  /**
   * Writes the credential. The wallet is asked once; nothing is sent but what a transaction needs to know of its chain.
   *
   * @throws CofferError `signing-failed`.
   * @throws RpcError
   */
  sign(signing: Signing): Promise<Signed>
}

/** A part of a payment for somebody else than its recipient. */
export interface Split {
  readonly recipient: Address
  /** Base units. */
  readonly amount: bigint
}

/** What a credential is made with. */
export interface Signing {
  readonly signer: Signer
  /** The token as the payer knows it: what the server says of it is not believed. */
  readonly asset: Asset
  /** Epoch milliseconds. */
  readonly now: number
  readonly random: Random
  /** Names the request, for protocols that carry such a name in the credential. */
  readonly key: string
  /** `null` when none is configured. */
  readonly rpc: Rpc | null
  /** Who sends a transaction: `pull`, the server; `push`, the payer. Where the server takes but one, that is it. */
  readonly mode: 'pull' | 'push'
}

/** A credential, and what to keep of it. */
export interface Signed {
  /** The field that pays. */
  readonly field: HeaderField
  readonly evidence: Evidence
}

/** What the chain is asked about a credential: by it the money moves once, or never. */
export type Evidence =
  /** A zero price, which moves nothing. */
  | { readonly kind: 'signature' }
  /** EIP-3009. Epoch seconds, as decimal text. */
  | { readonly kind: 'authorization'; readonly nonce: Hex; readonly validBefore: string }
  /** A transaction of the payer; `validBefore` in epoch seconds. Its hash is unknown while a sponsor has to sign too. */
  | {
      readonly kind: 'transaction'
      readonly hash: Hex | null
      readonly memo: Hex
      readonly validBefore: number
      /** The transaction itself, when the payer has to send it; `null` when the server does. */
      readonly raw: Hex | null
    }

/** What a server says that it was paid. A member that it leaves out is `null`. */
export interface ReceivedReceipt {
  readonly succeeded: boolean
  /** Transaction hash, in lower case. */
  readonly transaction: string | null
  readonly network: ChainId | null
  readonly payer: Address | null
  /** Base units. */
  readonly amount: bigint | null
  /** The protocol's name for the way of paying. */
  readonly method: string | null
  /** Why it failed, in the protocol's words. */
  readonly cause: string | null
}

/** A receipt that nobody can read. */
export type UnreadableReceipt = 'unreadable'

/** No credential lives longer, whatever a server asks for: for as long its money is held back when no answer comes. */
export const MAX_VALIDITY_SECONDS = 3600

/** Longest field of a challenge that is read, in characters. Real ones stay below 8 000. */
export const MAX_CHALLENGE = 65_536

/** Most ways to pay that are read of one 402. */
export const MAX_OFFERS = 32
