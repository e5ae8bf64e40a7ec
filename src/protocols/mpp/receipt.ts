import type { HeaderField } from '../../lib/message.ts'
import type { Payment } from '../../payments/payment.ts'
import { challengeOf } from './challenge.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { PAYMENT_RECEIPT } from './headers.ts'

/** What a payer keeps (draft-httpauth-payment-00 section 5.3). */
export interface Receipt {
  readonly status: 'success'
  readonly method: string
  /** RFC 3339. */
  readonly timestamp: string
  /** Hash of the transaction; or, for a zero price, which no transaction pays, the id of the challenge. */
  readonly reference: string
}

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
  return encodeEnvelope({ ...receipt })
}

/** Parses `Payment-Receipt`; members of its own that a method added are passed over. `null` when it is malformed. */
export function parseReceipt(field: string): Receipt | null {
  const { status, method, timestamp, reference } = decodeEnvelope(field) ?? {}
  if (status !== 'success') return null
  const isWhole = [method, timestamp, reference].every((member) => typeof member === 'string')
  return isWhole
    ? { status, method: String(method), timestamp: String(timestamp), reference: String(reference) }
    : null
}
