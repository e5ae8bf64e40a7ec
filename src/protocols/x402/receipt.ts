import type { HeaderField } from '../../lib/message.ts'
import { parseAddress } from '../../payments/address.ts'
import { parseAmount } from '../../payments/amount.ts'
import type { Payment } from '../../payments/payment.ts'
import type { ReceivedReceipt } from '../payer.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { PAYMENT_RESPONSE, X_PAYMENT_RESPONSE } from './headers.ts'
import { parseNetwork } from './network-name.ts'

/**
 * SettlementResponse (x402 v2 section 5.3) in the field of the version that was paid with. A payment that settles in the
 * background has no transaction yet, and says so.
 */
export function receiptFields(payment: Payment): readonly HeaderField[] {
  const { v1Network } = payment.evidence
  const isV1 = typeof v1Network === 'string'
  const receipt = encodeEnvelope({
    success: true,
    transaction: payment.transaction ?? '',
    network: isV1 ? v1Network : payment.network,
    payer: payment.payer,
    ...(!isV1 && { amount: payment.amount }),
    ...(payment.state !== 'settled' && { status: 'pending' }),
  })
  return [[isV1 ? X_PAYMENT_RESPONSE : PAYMENT_RESPONSE, receipt]]
}

/** Parses the receipt of either version. `null` when it is malformed. */
export function parseReceipt(field: string): ReceivedReceipt | null {
  const receipt = decodeEnvelope(field)
  if (typeof receipt?.['success'] !== 'boolean') return null
  const { success, transaction, network, payer, amount, errorReason } = receipt
  return {
    succeeded: success,
    transaction: typeof transaction === 'string' && transaction !== '' ? transaction.toLowerCase() : null,
    network: parseNetwork(network),
    payer: parseAddress(payer),
    amount: parseAmount(amount),
    method: null,
    cause: typeof errorReason === 'string' ? errorReason : null,
  }
}
