import { CofferError, PaymentError } from '../client.ts'
import { CallError } from './call-error.ts'
import { failed, type Result } from './tool.ts'
import { quote, show } from './untrusted.ts'

/** What an error means for who called, and what to do next: in words of ours for each of its codes. */
const MEANINGS: Readonly<Record<string, string>> = {
  'payment-refused':
    'Nothing was paid, and nothing was signed: no offer of the server keeps to the limits of this wallet.',
  'payment-rejected':
    'The server did not take the payment. Its price stays held back until it is certain that no money moved. The same call again looks, and pays nothing twice.',
  'payment-unresolved':
    'The payment may have been made, and its answer has not come. Make the same call again (same URL, method and body): the same payment is sent again, and nothing is paid twice. Do not change the call, and do not pay elsewhere instead.',
  'answer-lost':
    'The payment was made, and its answer cannot be had any more. The same call again is paid anew.',
  'signing-failed': 'The wallet did not sign. Nothing was paid.',
  'store-failed':
    'The file of the wallet cannot be read or written, so nothing more is paid until that is repaired.',
  refused: 'The server refuses.',
  'invalid-answer': 'The server answered something else than was asked for.',
  'invalid-events': 'The server sent something else than events.',
  'invalid-manifest': 'What the vault holds is not what its seller has signed.',
}

/** A failure as a result. Words of servers, which some errors repeat, are quoted. */
export function describeFailure(name: string, error: unknown, signal: AbortSignal): Result<never> | null {
  if (error instanceof CallError) return failed(`${name} failed. ${error.message}`)
  if (error instanceof CofferError) {
    const meaning = MEANINGS[error.code]
    // Other codes are of mistakes in the call, which our own words describe.
    if (meaning === undefined) return failed(`${name} failed (${error.code}). ${error.message}`)
    const reasons = error instanceof PaymentError ? reasonsOf(error) : []
    const said = [`${name} failed (${error.code}). ${meaning}`, ...reasons].join('\n')
    return isQuoting(error) ? failed(said, quote('What is known of it', show(error.message))) : failed(said)
  }
  if (signal.aborted) return failed(`${name} was cancelled.`)
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return failed(`${name} failed. It took longer than timeout_ms. Nothing was paid.`)
  const code = unreachable(error)
  if (code !== null) return failed(`${name} failed. The server cannot be reached${code}. Nothing was paid.`)
  return null
}

function reasonsOf({ attempt, refusals, retryAfter }: PaymentError): readonly string[] {
  const reasons = refusals.map(({ reason, detail }) =>
    reason === 'unreadable' ? `- ${reason}` : `- ${reason}: ${detail}`,
  )
  return [
    ...new Set(reasons).values(),
    ...(attempt === null ? [] : [`Attempt: ${attempt}`]),
    ...(retryAfter === null ? [] : [`The server asks to wait ${retryAfter} s.`]),
  ].slice(0, 12)
}

/** Whether the message of an error may hold words of a server's. */
function isQuoting({ code }: CofferError): boolean {
  return ['payment-rejected', 'payment-unresolved', 'answer-lost', 'refused'].includes(code)
}

/**
 * For what `fetch` rejects with when nobody answers, which each runtime has its own error for: `ECONNREFUSED` and its like in
 * brackets, if it says so. `null` for other errors.
 */
function unreachable(error: unknown): string | null {
  const causes = [error, error instanceof Error ? error.cause : null]
  const codes = causes.map((each) => (each instanceof Error && 'code' in each ? String(each.code) : ''))
  const code = codes.find((each) => /^[A-Za-z_]{3,40}$/.test(each))
  if (code !== undefined) return ` (${code})`
  return error instanceof TypeError && /fetch|network|request/i.test(error.message) ? '' : null
}
