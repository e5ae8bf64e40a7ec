import { decodeBase64, encodeBase64 } from '../lib/base64.ts'
import { concatBytes } from '../lib/body.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Answer, HeaderField } from '../lib/message.ts'

/** Fields that belong to a connection (RFC 9110 section 7.6.1), or to one client at one time. */
const NOT_KEPT = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'set-cookie',
  'date',
])

/** Collects an answer while it goes to the payer, so that it can be had again when it got lost on the way. */
export interface Recorder {
  /** The next bytes of the body. Past the limit nothing is kept any more. */
  write(chunk: Uint8Array): void
  /** Whether the answer is still small enough to be kept. */
  readonly isWhole: boolean
  /** What to keep: the answer, or, past the limit, that it cannot be had again. */
  result(): JsonObject
}

/** Starts to record an answer of at most `maxBytes`. */
export function createRecorder(status: number, headers: Iterable<HeaderField>, maxBytes: number): Recorder {
  const kept = [...headers].filter(
    ([name]) => !NOT_KEPT.has(name.toLowerCase()) && !name.toLowerCase().startsWith('access-control-'),
  )
  let chunks: Uint8Array[] = []
  let length = 0
  return {
    write(chunk) {
      length += chunk.length
      if (length > maxBytes) chunks = []
      else chunks.push(chunk.slice())
    },
    get isWhole() {
      return length <= maxBytes
    },
    result() {
      if (length > maxBytes) return { status, body: null }
      return {
        status,
        headers: kept.map(([name, value]) => [name, value]),
        body: encodeBase64(concatBytes(chunks, length)),
      }
    },
  }
}

/** The answer as it was, byte for byte; `null` when it was not kept. */
export function replay(result: JsonObject): Answer | null {
  const { status, headers, body } = result
  if (typeof status !== 'number' || typeof body !== 'string' || !Array.isArray(headers)) return null
  const bytes = decodeBase64(body)
  // Answers without a body must not get an empty one: 204 and 304 cannot have it, and servers would give it a type.
  return { status, fields: headers as unknown as readonly HeaderField[], body: bytes?.length ? bytes : null }
}
