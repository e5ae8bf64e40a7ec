import { storable } from '../lib/storable.ts'

/** One message on its way to an endpoint. */
export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Aborts when the time is up. */
  readonly signal: AbortSignal
}

/** What an endpoint answered. A `Response` of `fetch` is one. */
export interface Answer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
}

/**
 * Posts a message and resolves when the head of the answer is there; rejects when there is none. Must not follow
 * redirects, and must not connect to an address that is not meant to be reached.
 */
export type Sender = (post: Post) => Promise<Answer>

/** How a post ended. */
export interface PostResult {
  /** What the endpoint answered; `null` when it did not. */
  readonly status: number | null
  /** Why there was no answer: a code of the system such as `ECONNREFUSED`, or a few words. */
  readonly error: string | null
  /** The `Retry-After` field. */
  readonly retryAfter: string | null
  /** The first 1024 bytes of the answer, as text. */
  readonly answer: string | null
}

/** Longest part of an answer that is read, so that the connection can end well. */
const MAX_READ = 65_536

/** Longest part of an answer that is kept. */
const MAX_KEPT = 1024

/** Sends within the time. Never rejects. Once the status is known, it counts: a body that breaks off does not matter. */
export async function post(
  send: Sender,
  message: Omit<Post, 'signal'>,
  timeoutMs: number,
): Promise<PostResult> {
  const signal = AbortSignal.timeout(timeoutMs)
  const timeUp = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${timeoutMs} ms`)), {
      once: true,
    })
  })
  try {
    const { status, headers, body } = await Promise.race([send({ ...message, signal }), timeUp])
    const start: Uint8Array[] = []
    await Promise.race([readStart(body, start), timeUp]).catch(() => {})
    return { status, error: null, retryAfter: headers.get('retry-after'), answer: textOf(start) }
  } catch (error) {
    return unanswered(reasonOf(error))
  }
}

/** How a post ended that nobody answered. */
export function unanswered(error: string): PostResult {
  return { status: null, error, retryAfter: null, answer: null }
}

async function readStart(body: Answer['body'], kept: Uint8Array[]): Promise<void> {
  let length = 0
  for await (const chunk of body ?? []) {
    if (length < MAX_KEPT) kept.push(chunk.slice(0, MAX_KEPT - length))
    length += chunk.length
    if (length >= MAX_READ) return
  }
}

/** As text for people. */
function textOf(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder()
  const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode()
  return storable(text, MAX_KEPT)
}

/** The system's code for it, such as `ECONNREFUSED`, because the system's text names addresses. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the sender failed'
  const reason = 'code' in error && typeof error.code === 'string' ? error.code : error.message
  return storable(reason, 200)
}
