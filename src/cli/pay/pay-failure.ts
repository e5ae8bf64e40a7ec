import { CofferError, type PayFetch, PaymentError } from '../../client.ts'
import { EXIT, UsageError } from '../command.ts'

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
  const exitCode = await exitCodeOf(code, attempt, attempts)
  const isOpen = exitCode === EXIT.unknown && attempt !== null
  return {
    exitCode,
    line: isOpen ? `${inOptions(message)} (coffer pay --resume ${attempt})` : inOptions(message),
    error: { code, message, attempt, retryAfter, refusals },
  }
}

/** What the library calls options, by what they are called here. */
const OPTIONS: readonly (readonly [RegExp, string])[] = [
  [/\bpolicy\.(origin|network|protocol)s\b/g, '--$1'],
  [/\bbudget\.payment\b/g, '--max'],
  [/\bbudget\.(day|host|total)\b/g, '--max-$1'],
  [/\bendpoint in rpc\b/g, 'endpoint by --rpc'],
]

function inOptions(message: string): string {
  return OPTIONS.reduce((text, [from, to]) => text.replace(from, to), message)
}

/** An answer that was paid for could not be had, or not be written: it may come again, for as long as the server keeps it. */
export function brokenOff(attempt: string, error: unknown): PayFailure {
  // What `fetch` says of a connection is no use to anybody.
  const isLost = error instanceof TypeError || !(error instanceof Error) || error.name === 'AbortError'
  const message = isLost || error.message === 'interrupted' ? 'the answer broke off' : error.message
  return {
    exitCode: EXIT.failed,
    line: `${message}: coffer pay --resume ${attempt} asks for it again`,
    error: { code: 'answer-broken-off', message, attempt, retryAfter: null, refusals: [] },
  }
}

/** An attempt was taken up of which the chain says that its money stays where it is. */
export function nothingMoved(attempt: string): PayFailure {
  const message = 'no money moved for this attempt, and none will'
  return {
    exitCode: EXIT.failed,
    line: `${message}: make the request again`,
    error: { code: 'payment-failed', message, attempt, retryAfter: null, refusals: [] },
  }
}

const CODES: Readonly<Record<string, number>> = {
  'payment-refused': EXIT.refused,
  'payment-unresolved': EXIT.unknown,
  // Of those that only the client can check: an unknown attempt or session.
  'invalid-option': EXIT.usage,
}

async function exitCodeOf(
  code: string,
  attempt: string | null,
  attempts: PayFetch['attempts'] | null,
): Promise<number> {
  const known = CODES[code]
  if (known !== undefined) return known
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
