import { readBytes } from './body.ts'
import { fromUtf8 } from './bytes.ts'

/** Carries HTTP requests, as the runtime's own `fetch` does. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** How far one HTTP exchange may go, and who carries it. */
export interface ExchangeOptions {
  /** From the start to the last byte of the answer, milliseconds. */
  readonly timeoutMs: number
  /** Longest answer that is read. */
  readonly maxBytes: number
  /** Default: the runtime's. */
  readonly fetch?: Fetch | undefined
}

/** How an HTTP exchange ended: with an answer of any status, or without one. */
export type Exchange =
  | { readonly answered: true; readonly status: number; readonly text: string }
  /** `sent` is false only when it is certain that the server saw nothing. `why` completes "The server …". */
  | { readonly answered: false; readonly sent: boolean; readonly why: string }

/** What runtimes call a connection that was never made. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ConnectionRefused',
  'FailedToOpenSocket',
])

/**
 * Posts JSON and reads the answer within bounds. Redirects are answers, not followed: they would carry the body and
 * its credentials to another server. Never throws.
 */
export function postJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
  options: ExchangeOptions,
): Promise<Exchange> {
  const fields = { 'content-type': 'application/json', accept: 'application/json', ...headers }
  return exchange(url, { method: 'POST', headers: fields, body: JSON.stringify(body) }, options)
}

/** Asks for JSON, as {@link postJson} does. */
export function getJson(
  url: string,
  headers: Readonly<Record<string, string>>,
  options: ExchangeOptions,
): Promise<Exchange> {
  return exchange(url, { headers: { accept: 'application/json', ...headers } }, options)
}

async function exchange(
  url: string,
  init: RequestInit,
  { timeoutMs, maxBytes, fetch = globalThis.fetch }: ExchangeOptions,
): Promise<Exchange> {
  const signal = AbortSignal.timeout(timeoutMs)
  const lost = (why: string): Exchange => ({ answered: false, sent: true, why })
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal })
    const bytes = response.body === null ? new Uint8Array() : await readBytes(response.body, maxBytes)
    if (bytes === null) return lost(`answered with more than ${maxBytes} bytes`)
    const text = fromUtf8(bytes)
    return text === null ? lost('did not answer in UTF-8') : { answered: true, status: response.status, text }
  } catch (error) {
    if (signal.aborted) return lost(`did not answer within ${timeoutMs} ms`)
    if (isNeverConnected(error)) return { answered: false, sent: false, why: 'could not be reached' }
    return lost('broke off the connection')
  }
}

/** `fetch` says what went wrong in the cause of its error, or in the cause of that. */
function isNeverConnected(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if ('code' in at && NEVER_CONNECTED.has(String(at.code))) return true
  }
  return false
}
