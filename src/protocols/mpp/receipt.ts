import * as z from 'zod/mini'
import type { Payment } from '../../payments/payment.ts'
import type { HeaderField } from '../protocol.ts'
import { challengeOf } from './challenge.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { PAYMENT_RECEIPT } from './headers.ts'

const schema = z.object({
  status: z.literal('success'),
  method: z.string(),
  timestamp: z.string(),
  reference: z.string(),
})

/**
 * What a payer keeps (draft-httpauth-payment-00 section 5.3). `timestamp` is RFC 3339; `reference` is the transaction
 * hash, or the id of the challenge for a zero price, which no transaction pays.
 */
export type Receipt = z.infer<typeof schema>

/** The field of a settled payment. Answers that are not 2xx go without it (section 5.3.1). */
export function receiptFields(payment: Payment, status: number): readonly HeaderField[] {
  const { method, transaction, settledAt } = payment
  if (status < 200 || status > 299 || settledAt === null) return []
  const timestamp = new Date(settledAt).toISOString()
  const reference = transaction ?? challengeOf(payment)
  return [[PAYMENT_RECEIPT, formatReceipt({ status: 'success', method, timestamp, reference })]]
}

/** Formats a receipt for `Payment-Receipt`. */
export function formatReceipt(receipt: Receipt): string {
  return encodeEnvelope(receipt)
}

/** Parses `Payment-Receipt`; members of its own that a method added are passed over. `null` when it is malformed. */
export function parseReceipt(field: string): Receipt | null {
  const result = z.safeParse(schema, decodeEnvelope(field))
  return result.success ? result.data : null
}
