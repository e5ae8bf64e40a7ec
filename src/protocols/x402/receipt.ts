import type { Payment } from '../../payments/payment.ts'
import type { HeaderField } from '../protocol.ts'
import { encodeEnvelope } from './envelope.ts'
import { PAYMENT_RESPONSE, X_PAYMENT_RESPONSE } from './headers.ts'

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
