import { CofferError, type PayFetch, PaymentError } from '../client.ts'
import { EXIT, UsageError } from './command.ts'

/** Why a request was not answered, or not paid, and how the command ends. */
export interface PayFailure {
  readonly exitCode: number
  /** One line for people. */
  readonly line: string
  /** For programs. */
  readonly error: {
    readonly code: string
    readonly message: string
    readonly attempt: string | null
    readonly retryAfter: number | null
    readonly refusals: PaymentError['refusals']
  }
}

/** What an error of {@link PayFetch} means for who sits at the command line. */
export async function payFailure(error: unknown, attempts: PayFetch['attempts'] | null): Promise<PayFailure> {
  if (error instanceof UsageError) throw error
  const code = error instanceof CofferError ? error.code : 'no-answer'
  const { attempt = null, retryAfter = null, refusals = [] } = error instanceof PaymentError ? error : {}
  const message = messageOf(error)
  return {
    exitCode: await exitCodeOf(code, attempt, attempts),
    line: message,
    error: { code, message, attempt, retryAfter, refusals },
  }
}

async function exitCodeOf(
  code: string,
  attempt: string | null,
  attempts: PayFetch['attempts'] | null,
): Promise<number> {
  if (code === 'payment-refused') return EXIT.refused
  if (code === 'payment-unresolved') return EXIT.unknown
  // Of a payment that was rejected the chain may not have been asked yet, or not have said.
  const open = attempt === null ? [] : ((await attempts?.({ open: true })) ?? [])
  return open.some(({ id }) => id === attempt) ? EXIT.unknown : EXIT.failed
}

/**
 * The message, and those of causes that are ours or the runtime's: what a library of a chain says may repeat an endpoint with
 * its key.
 */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed'
  const { cause } = error
  const isSafe = cause instanceof CofferError || cause instanceof UsageError || error instanceof TypeError
  const more = isSafe ? messageOf(cause) : ''
  const own = error.message || ('code' in error ? String(error.code) : error.name)
  return more === '' || cause === undefined ? own : `${own}: ${more}`
}
