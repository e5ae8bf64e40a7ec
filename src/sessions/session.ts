import type { Address } from '../payments/address.ts'
import type { ChainId } from '../payments/chain.ts'
import type { ProtocolName } from '../payments/payment.ts'
import type { SessionTerms } from '../payments/session-terms.ts'

/** The right to further requests after one payment, as the store keeps it. */
export interface Session extends SessionTerms {
  readonly createdAt: number
  readonly expiresAt: number
  /** Requests that it has let in, when they are counted. */
  readonly requests: number
  /** US dollars that these were worth, when they are counted. */
  readonly spent: string
  /** Whether its payment made a vault. */
  readonly vault: boolean
  /** The payment that opened it. */
  readonly payment: SessionPayment
}

/** What a request of a session has to know of its payment, so that one read is enough. */
export interface SessionPayment {
  readonly paymentId: string
  readonly protocol: ProtocolName
  readonly method: string
  readonly network: ChainId
  /** US dollars as a decimal string. */
  readonly amount: string
  readonly payer: Address
  readonly txHash: string | null
  /** Id and address of the wallet that was paid. */
  readonly wallet: string
  readonly recipient: Address
}

/** What a request asks of a session. */
export interface SessionUse {
  readonly scope: string
  /** Price of the request in US dollars, as a decimal string. */
  readonly price: string
  /** Host that clients reach this server by; `null` when the configuration does not say. */
  readonly host: string | null
}
