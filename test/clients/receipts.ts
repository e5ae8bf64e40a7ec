import { decodePaymentResponseHeader } from '@x402/core/http'
import { Receipt } from 'mppx'
import { decodeXPaymentResponse } from 'x402/shared'

/** The transaction that a receipt names, as the official decoder of its protocol reads it; `null` without a receipt. */
export function receiptOf({ headers }: Response): string | null {
  const [v2, v1, mpp] = ['payment-response', 'x-payment-response', 'payment-receipt'].map((name) =>
    headers.get(name),
  )
  if (v2 != null) return decodePaymentResponseHeader(v2).transaction
  if (v1 != null) return decodeXPaymentResponse(v1).transaction
  return mpp == null ? null : Receipt.deserialize(mpp).reference
}
