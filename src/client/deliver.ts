import type { JsonObject } from '../lib/json.ts'
import { CofferError } from '../problems/error.ts'
import type { PayerProtocol, ReceivedReceipt, UnreadableReceipt } from '../protocols/payer.ts'
import { type Attempt, attemptInfo } from './attempt.ts'
import type { Engine } from './engine.ts'
import type { Outgoing } from './outgoing.ts'
import { checkReceipt, markPaid, paidAnswer } from './paid-answer.ts'
import { type PaymentError, unresolved } from './payment-error.ts'
import { discard, peekJson } from './peek.ts'
import type { SessionInfo } from './sessions.ts'
import { backoff, pause, retryAfter } from './waiting.ts'

/** First wait before the same credential is sent again, when the server does not say. */
const RETRY_MS = 250

/** What an answer to a paid request means. */
type Verdict =
  /** What was paid for has come. */
  | 'answered'
  /** It has not; the money may have moved, and the same credential may fetch the answer one day. */
  | 'owed'
  /** The same credential is to be sent again. */
  | 'again'
  /** The server does not take it. */
  | 'rejected'
  /** The payment was made, and its answer is gone. */
  | 'spent'

/** Too Many Requests, and what servers and those in front of them say when they do not know. */
const AGAIN = new Set([429, 502, 503, 504])

/** Problems of ours by which an answer is gone. */
const SPENT = new Set(['duplicate-payment', 'result-unavailable', 'credit-expired'])

/**
 * Sends a signed attempt until it has an answer, or until patience ends: always the same credential, because a second
 * one could pay twice.
 *
 * @throws PaymentError `payment-rejected`, `payment-unresolved`, `answer-lost`.
 */
export async function deliver(attempt: Attempt, outgoing: Outgoing, engine: Engine): Promise<Response> {
  const { evidence } = attempt
  if (evidence?.kind === 'transaction' && evidence.raw !== null && evidence.hash !== null) {
    if (outgoing.signal.aborted) throw givenUp(attempt, outgoing)
    const { broadcast } = await import('./broadcast.ts')
    await broadcast(attempt, evidence.raw, evidence.hash, engine)
  }
  const deadline = Date.now() + engine.patienceMs
  for (let tries = 1; ; tries++) {
    const { answer, error } = await send(attempt, outgoing, engine)
    if (answer === null && outgoing.signal.aborted) throw givenUp(attempt, outgoing)
    const problem = answer && answer.status >= 400 ? await peekJson(answer) : null
    const verdict = answer ? judge(answer, problem) : 'again'
    if (answer !== null && (verdict === 'answered' || verdict === 'owed')) {
      return conclude(attempt, answer, verdict, engine)
    }
    const said = answer
      ? `The server answered ${answer.status}${whyOf(answer, problem, engine)}.`
      : 'No answer came.'
    if (answer !== null) discard(answer)
    if (verdict === 'rejected' || verdict === 'spent') {
      const { lose, reject } = await import('./not-taken.ts')
      return verdict === 'spent' ? lose(attempt, said, engine) : reject(attempt, said, engine)
    }
    const asked = retryAfter(answer)
    const waitMs = asked ?? backoff(RETRY_MS, tries - 1)
    if (Date.now() + waitMs > deadline) {
      await engine.change(attempt, (current) => ({ ...current, note: said }))
      const after = asked === null ? null : Math.ceil(asked / 1000)
      throw unresolved(attempt.id, said, { retryAfter: after, ...(answer === null && { cause: error }) })
    }
    engine.emit({ type: 'retrying', attempt: attemptInfo(attempt), waitMs, why: said })
    await pause(waitMs, outgoing.signal)
  }
}

function givenUp({ id }: Attempt, { signal }: Outgoing): PaymentError {
  return unresolved(id, 'It was given up.', { cause: signal.reason })
}

/** Sends it once. What went wrong instead of an answer is returned, not thrown. */
async function send(
  attempt: Attempt,
  outgoing: Outgoing,
  { answerTimeoutMs }: Engine,
): Promise<{ readonly answer: Response | null; readonly error?: unknown }> {
  const { credential, key, request } = attempt
  if (credential === null) throw new TypeError('the attempt is not signed')
  const ends = new AbortController()
  const timer = setTimeout(() => ends.abort(), answerTimeoutMs)
  const fields = [
    [credential.name, credential.value],
    ['Idempotency-Key', key],
  ] as const
  try {
    const answer = await outgoing.sendWith(fields, { to: new URL(request.url), signal: ends.signal })
    return { answer }
  } catch (error) {
    return { answer: null, error }
  } finally {
    // The body may take as long as it likes.
    clearTimeout(timer)
  }
}

function judge({ status }: Response, problem: JsonObject | null): Verdict {
  if (status === 402) return 'rejected'
  if (AGAIN.has(status)) return 'again'
  if (status === 409 && problem?.['code'] === 'payment-in-flight') return 'again'
  if (status === 409 && SPENT.has(String(problem?.['code']))) return 'spent'
  // 0 is a redirect that a browser keeps to itself.
  return status >= 400 || status === 0 ? 'owed' : 'answered'
}

/** An answer of the handler's, good or bad, goes to the caller. */
async function conclude(
  attempt: Attempt,
  answer: Response,
  verdict: 'answered' | 'owed',
  engine: Engine,
): Promise<Response> {
  const receipt = readReceipt(answer, engine)
  const read = receipt === null || receipt === 'unreadable' ? null : receipt
  const transaction = read?.transaction ?? null
  const note =
    verdict === 'answered'
      ? `Answered with ${answer.status}.`
      : `The server answered ${answer.status}; the same credential may still fetch what was paid for.`
  const after = await engine.change(attempt, (current) => ({
    ...current,
    state: verdict === 'answered' ? 'paid' : current.state,
    transaction: transaction ?? current.transaction,
    note,
  }))
  const session = verdict === 'answered' ? await keepSession(after, answer, engine) : null
  const paid = paidAnswer(after, checkReceipt(after, receipt), session)
  markPaid(answer, paid)
  if (verdict === 'answered') engine.emit({ type: 'paid', payment: paid })
  return answer
}

async function keepSession(attempt: Attempt, answer: Response, engine: Engine): Promise<SessionInfo | null> {
  try {
    const session = await engine.sessions.keep(attempt, answer)
    if (session?.kind === 'server') engine.emit({ type: 'session-opened', session })
    return session
  } catch (error) {
    if (!(error instanceof CofferError)) throw error
    engine.emit({ type: 'journal-failed', attempt: attemptInfo(attempt), error })
    return null
  }
}

function readReceipt(answer: Response, { payers }: Engine): ReceivedReceipt | UnreadableReceipt | null {
  for (const payer of payers) {
    const receipt = payer.readReceipt(answer.headers)
    if (receipt !== null) return receipt
  }
  return null
}

/** Why a server answers as it does: by its problem, by its receipt, or by its challenge. */
function whyOf(answer: Response, problem: JsonObject | null, { payers }: Engine): string {
  const { headers } = answer
  const texts = [problem?.['detail'], problem?.['error'], ...payers.map((payer) => causeOf(payer, headers))]
  const text = texts.find((each) => typeof each === 'string' && each !== '')
  return typeof text === 'string' ? `: ${text.slice(0, 200).replace(/[.\s]+$/, '')}` : ''
}

function causeOf(payer: PayerProtocol, headers: Headers): string | null {
  const receipt = payer.readReceipt(headers)
  const cause = receipt === null || receipt === 'unreadable' ? null : receipt.cause
  return cause ?? payer.readOffers({ headers, body: null }).why
}
