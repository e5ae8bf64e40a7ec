import { concatBytes } from '../lib/body.ts'
import { fromUtf8 } from '../lib/bytes.ts'
import { type JsonObject, parseJsonObject } from '../lib/json.ts'

/** Longest body that is looked into. */
const MAX_BYTES = 256 * 1024

/** How long a body may take to come. */
const WAIT_MS = 10_000

/**
 * The JSON object that an answer holds, which stays readable; `null` when its body is something else, too long, or too slow
 * in coming.
 */
export async function peekJson(answer: Response): Promise<JsonObject | null> {
  if (!/\bjson\b/i.test(answer.headers.get('content-type') ?? '')) return null
  const { body } = answer.clone()
  const bytes = body && (await readInTime(body))
  const text = bytes && fromUtf8(bytes)
  return text === null ? null : parseJsonObject(text)
}

async function readInTime(body: ReadableStream<Uint8Array>): Promise<Uint8Array | null> {
  const reader = body.getReader()
  const stop = (): void => void reader.cancel().catch(() => {})
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    stop()
  }, WAIT_MS)
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (isLate) return null
      if (done) return concatBytes(chunks, length)
      chunks.push(value)
      length += value.length
      if (length > MAX_BYTES) return null
    }
  } catch {
    return null
  } finally {
    clearTimeout(timer)
    stop()
  }
}

/** Lets go of an answer that nobody will read. */
export function discard({ body }: Response): void {
  // A body that is being read by somebody else is theirs to end.
  if (body !== null && !body.locked) body.cancel().catch(() => {})
}
