import type { Address } from '../payments/address.ts'
import type { ChainId } from '../payments/chain.ts'
import type { ProtocolName } from '../payments/payment.ts'
import type { HeaderField } from '../protocols/protocol.ts'

/** "Run the handler": what {@link handle} returns when the request is paid for. Exactly one ending must be called. */
export interface Next {
  readonly grant: Grant
  /** What the handler reads: the request itself, or a copy whose body was read to check its digest. */
  readonly request: Request
  /** Records how the handler answered and returns the response as the payer must see it. */
  finish(response: Response): Promise<Response>
  /** {@link finish} for servers that write their own head: called when status and headers are final, but not yet sent. */
  conclude(status: number, headers: Pick<Headers, 'get'>): Conclusion
  /** The handler threw, or nobody is there to read the answer: what was paid for stays owed. */
  abandon(): Promise<void>
}

/** What a server that writes its own head has to do. */
export interface Conclusion {
  /** Header fields to set, replacing any of the same name. */
  readonly set: readonly HeaderField[]
  /** Resolves when the outcome is stored. Rejects with CofferError `store-failed`; the lease then returns it to owed. */
  readonly recorded: Promise<void>
}

/** What a paid handler receives. */
export interface Grant {
  readonly payment: GrantedPayment
  readonly wallet: GrantedWallet
}

/** The payment that let the request in. */
export interface GrantedPayment {
  readonly paymentId: string
  readonly protocol: ProtocolName
  /** The protocol's name for the way of paying: `exact`, `tempo`, `evm`, `stub`. */
  readonly method: string
  readonly network: ChainId
  /** US dollars as a decimal string. */
  readonly amount: string
  readonly payer: Address
  /** `null` for a zero price, which a signature alone pays. */
  readonly txHash: string | null
  /** Whether this request redeems a payment whose first answer failed; nothing was charged now. */
  readonly redeemed: boolean
}

/** The seller's wallet that was paid. */
export interface GrantedWallet {
  readonly id: string
  readonly address: Address
  readonly chain: ChainId
}
