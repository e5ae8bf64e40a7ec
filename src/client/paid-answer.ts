import { formatAmount } from '../payments/amount.ts'
import type { ReceivedReceipt, UnreadableReceipt } from '../protocols/payer.ts'
import { type Attempt, type AttemptInfo, attemptInfo } from './attempt.ts'
import type { SessionInfo } from './sessions.ts'

/** What was paid for an answer. */
export interface PaidAnswer {
  readonly attempt: AttemptInfo
  /** Whole tokens as a decimal string. */
  readonly amount: string
  /** Ticker of the token. */
  readonly symbol: string
  /** Hash of the transaction, by the receipt; `null` when there is none, or it does not say. */
  readonly transaction: string | null
  readonly receipt: ReceiptCheck
  /** The session that the payment can be shown by from now on; `null` when there is none. */
  readonly session: SessionInfo | null
}

/** Whether a receipt is one for the payment that was made. */
export interface ReceiptCheck {
  /** `differs`: it is for another payment, or says that there was none. */
  readonly status: 'matches' | 'missing' | 'unreadable' | 'differs'
  /** What differs, each in one sentence. */
  readonly differences: readonly string[]
}

/** Compares a receipt with what was signed. Members that it leaves out are not held against it. */
export function checkReceipt(
  { payment, evidence }: Attempt,
  receipt: ReceivedReceipt | UnreadableReceipt | null,
): ReceiptCheck {
  if (receipt === null) return { status: 'missing', differences: [] }
  if (receipt === 'unreadable') return { status: 'unreadable', differences: [] }
  const { succeeded, network, payer, amount, method, transaction, cause } = receipt
  const sent = evidence?.kind === 'transaction' ? evidence.hash : null
  const units = amount === null ? null : amount.toString()
  const differences = [
    ...(succeeded ? [] : [`It says that the payment failed: ${(cause ?? 'for no reason').slice(0, 100)}.`]),
    ...differs('network', payment.network, network),
    ...differs('payer', payment.payer, payer),
    ...differs('amount', payment.units, units),
    ...differs('method', payment.method, method),
    ...differs('transaction', sent, transaction),
  ]
  return { status: differences.length === 0 ? 'matches' : 'differs', differences }
}

function differs(what: string, expected: string | null, got: string | null): readonly string[] {
  if (expected === null || got === null || expected === got) return []
  return [`Its ${what} is ${got.slice(0, 100)}, not ${expected}.`]
}

/** What was paid for an answer, from its attempt and its receipt. */
export function paidAnswer(attempt: Attempt, receipt: ReceiptCheck, session: SessionInfo | null): PaidAnswer {
  const { payment, transaction } = attempt
  const { units, decimals, symbol } = payment
  const amount = formatAmount(BigInt(units), decimals)
  return { attempt: attemptInfo(attempt), amount, symbol, transaction, receipt, session }
}

const paid = new WeakMap<Response, PaidAnswer>()

/** What was paid for a response of `payFetch`; `null` when nothing was, and for copies of it. */
export function paymentOf(response: Response): PaidAnswer | null {
  return paid.get(response) ?? null
}

/** Remembers what was paid for a response. */
export function markPaid(response: Response, answer: PaidAnswer): void {
  paid.set(response, answer)
}
