import { type End, readWithin } from '../../lib/body.ts'
import { fromUtf8 } from '../../lib/bytes.ts'

/** An answer as far as it was read: within bounds of time and size, whatever the server does. */
export interface Answer {
  readonly url: URL
  readonly status: number
  readonly headers: Headers
  /** `null` when it is no text. */
  readonly text: string | null
  /** Whether the body was read to its end. */
  readonly body: End
  /** Milliseconds until the head was there. */
  readonly headMs: number
}

/** Why there is no answer. */
export interface NoAnswer {
  readonly url: URL
  readonly failure: 'head-too-large' | 'too-slow' | 'unreachable' | 'broken-off'
  /** One sentence. */
  readonly why: string
}

/** What is asked, and for how long. */
export interface Question {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: Blob | null
  /** For the head; the body may take as long again. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Longest body that is read: no client looks further into that of a 402. */
export const MAX_BODY = 256 * 1024

/** Asks once. No redirect is followed. */
export async function probe(question: Question): Promise<Answer | NoAnswer> {
  const { url, method, headers, body, timeoutMs, signal } = question
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), timeoutMs)
  const started = performance.now()
  try {
    const answer = await fetch(url, {
      method,
      headers,
      ...(body && { body }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, late.signal]),
    })
    const headMs = performance.now() - started
    clearTimeout(timer)
    const read = answer.body === null ? EMPTY : await readWithin(answer.body, MAX_BODY, timeoutMs)
    const text = fromUtf8(read.bytes)
    return { url, status: answer.status, headers: answer.headers, text, body: read.end, headMs }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    return { url, ...failureOf(error, late.signal.aborted, timeoutMs) }
  } finally {
    clearTimeout(timer)
  }
}

/** Whether there is an answer. */
export function isAnswer(answer: Answer | NoAnswer): answer is Answer {
  return 'status' in answer
}

const EMPTY = { bytes: new Uint8Array(), end: 'whole' } as const

function failureOf(error: unknown, isLate: boolean, timeoutMs: number): Pick<NoAnswer, 'failure' | 'why'> {
  const codes = codesOf(error)
  if (codes.includes('UND_ERR_HEADERS_OVERFLOW') || codes.includes('HPE_HEADER_OVERFLOW')) {
    return { failure: 'head-too-large', why: 'The fields of the answer are larger than 16 KiB.' }
  }
  if (isLate) return { failure: 'too-slow', why: `No answer began within ${timeoutMs / 1000} s.` }
  const code = codes.at(-1)
  return /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|.*CERT.*)$/.test(code ?? '')
    ? { failure: 'unreachable', why: `The server cannot be reached: ${code}.` }
    : { failure: 'broken-off', why: `The server broke the connection off${code ? `: ${code}` : ''}.` }
}

function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const own = 'code' in error ? [String(error.code)] : []
  const parts = error instanceof AggregateError ? error.errors.flatMap(codesOf) : []
  return [...own, ...codesOf(error.cause), ...parts]
}
