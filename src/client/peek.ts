import { readWithin } from '../lib/body.ts'
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
  const read = body && (await readWithin(body, MAX_BYTES, WAIT_MS))
  const text = read?.end === 'whole' ? fromUtf8(read.bytes) : null
  return text === null ? null : parseJsonObject(text)
}

/** Lets go of an answer that nobody will read. */
export function discard({ body }: Response): void {
  // A body that is being read by somebody else is theirs to end.
  if (body !== null && !body.locked) body.cancel().catch(() => {})
}
