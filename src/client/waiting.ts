const MIN_MS = 100
const MAX_MS = 300_000
/** The longest that we wait unasked. */
const MAX_BACKOFF_MS = 30_000

/** A time to wait that another party names, within reason. */
const bounded = (ms: number): number => Math.min(Math.max(ms, MIN_MS), MAX_MS)

/** `Retry-After` in seconds (RFC 9110 section 10.2.3), as milliseconds within reason; `null` when the answer has none. */
export function retryAfter(answer: Response | null): number | null {
  const seconds = answer?.headers.get('retry-after') ?? ''
  return /^\d+$/.test(seconds) ? bounded(Number(seconds) * 1000) : null
}

/** As long as was asked for; after each failure in a row twice as long, and not all clients alike. */
export function backoff(askedMs: number, failures: number): number {
  const asked = bounded(askedMs)
  if (failures === 0) return asked
  return Math.min(asked * 2 ** failures, Math.max(asked, MAX_BACKOFF_MS)) * (0.5 + Math.random() / 2)
}

/** Resolves after so many milliseconds, or with the signal. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
    if (signal?.aborted) done()
  })
}
