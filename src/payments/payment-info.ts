import { formatAmount } from './amount.ts'
import type { Payment, SettleMode } from './payment.ts'

/** What a seller sees of a payment: nothing that could be spent, and nothing of the payer's requests but the route. */
export interface PaymentInfo
  extends Pick<
    Payment,
    | 'id'
    | 'protocol'
    | 'method'
    | 'network'
    | 'asset'
    | 'payer'
    | 'recipient'
    | 'wallet'
    | 'route'
    | 'delivery'
    | 'block'
    | 'cause'
    | 'claimedAt'
    | 'settledAt'
    | 'deliveredAt'
    | 'vanishedAt'
  > {
  /** What became of the money. */
  readonly status: PaymentStatus
  /** Whole tokens as a decimal string: US dollars. */
  readonly amount: string
  /** When money moves on its route. */
  readonly settle: SettleMode
  /** Transaction hash, when known. */
  readonly txHash: string | null
}

/** What became of the money: on its way, moved, never will, or only the chain knows. */
export type PaymentStatus = Payment['state']

/** What a seller sees of a payment. */
export function paymentInfo(payment: Payment): PaymentInfo {
  return {
    id: payment.id,
    status: payment.state,
    delivery: payment.delivery,
    protocol: payment.protocol,
    method: payment.method,
    network: payment.network,
    asset: payment.asset,
    amount: formatAmount(BigInt(payment.amount), payment.decimals),
    payer: payment.payer,
    recipient: payment.recipient,
    wallet: payment.wallet,
    route: payment.route,
    settle: payment.settle,
    txHash: payment.transaction,
    block: payment.block,
    cause: payment.cause,
    claimedAt: payment.claimedAt,
    settledAt: payment.settledAt,
    deliveredAt: payment.deliveredAt,
    vanishedAt: payment.vanishedAt,
  }
}

/** What a route is called whatever the query: `GET /report` for `GET /report?topic=bees`. */
export function routeName(route: string): string {
  return route.split('?', 1)[0] ?? route
}
