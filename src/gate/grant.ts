import type { Address } from '../payments/address.ts'
import { formatAmount } from '../payments/amount.ts'
import type { ChainId } from '../payments/chain.ts'
import type { Payment, ProtocolName } from '../payments/payment.ts'
import type { Vault } from '../vaults/vault-handle.ts'
import type { SessionOptions } from './options.ts'
import type { Paid } from './settle.ts'

/**
 * What a paid handler receives. Behind `{ vault: true }` there is a vault, and its type says so; behind options that are only
 * known when the program runs, it may be `null`.
 */
export interface Grant<
  WithVault extends boolean = boolean,
  WithSession extends boolean | SessionOptions = boolean | SessionOptions,
> {
  readonly payment: GrantedPayment
  readonly wallet: GrantedWallet
  /** The vault of the payment, which is that of its session too; `null` when the route has none. */
  readonly vault: Granted<WithVault, Vault>
  /** The session that the payment opened, or that let the request in; `null` when the route has none. */
  readonly session: Granted<WithSession, GrantedSession>
}

/** What comes with an option of a route. */
export type Granted<Option, What> = Option extends false ? null : What

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
  /** Id of its vault; `null` when it has none. */
  readonly vaultId: string | null
  /** Id of its session; `null` when it has none, or a signed token stood for it. */
  readonly sessionId: string | null
  /** Whether this request redeems a payment whose first answer failed; nothing was charged now. */
  readonly redeemed: boolean
}

/** A session of the payer. */
export interface GrantedSession {
  /** `null` when a signed token stood for it, or the payment was made before the route opened sessions. */
  readonly id: string | null
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** The seller's wallet that was paid. */
export interface GrantedWallet {
  readonly id: string
  readonly address: Address
  readonly chain: ChainId
}

/** What comes with a payment. */
export interface GrantOptions {
  readonly vault: Vault | null
  readonly sessionId: string | null
  /** Whether the route opens sessions. A payment from before it did has none, but its handler counts on something. */
  readonly hasSession: boolean
}

/** The grant of a payment. */
export function grantOf(
  { held: { payment }, redeemed }: Pick<Paid, 'held' | 'redeemed'>,
  { vault, sessionId, hasSession }: GrantOptions,
): Grant {
  const { id, protocol, method, network, payer, transaction, wallet, recipient } = payment
  const amount = formatAmount(BigInt(payment.amount), payment.decimals)
  return {
    payment: {
      paymentId: id,
      protocol,
      method,
      network,
      amount,
      payer,
      txHash: transaction,
      vaultId: vault?.id ?? null,
      sessionId,
      redeemed,
    },
    wallet: { id: wallet, address: recipient, chain: network },
    vault,
    session: hasSession ? { id: sessionId, expiresAt: sessionEnd(payment) } : null,
  }
}

function sessionEnd({ session, settledAt, claimedAt }: Payment): number {
  return (settledAt ?? claimedAt) + (session?.ttl ?? 0) * 1000
}
