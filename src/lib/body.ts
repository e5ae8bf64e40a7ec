/** Joins chunks whose lengths add up to `length`, where that is known. */
export function concatBytes(
  chunks: readonly Uint8Array[],
  length = chunks.reduce((sum, chunk) => sum + chunk.length, 0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** Reads a stream to its end; `null`, and the stream cancelled, when it is longer than the limit. */
export async function readBytes(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const { bytes, isWhole } = await readStart(stream, maxBytes)
  return isWhole ? bytes : null
}

/** Reads the first bytes of a stream, and cancels it when there are more. */
export async function readStart(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly isWhole: boolean }> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const room = maxBytes - length
    chunks.push(next.value.subarray(0, room))
    length += Math.min(next.value.length, room)
    if (next.value.length > room) {
      // Not waited for: one copy of a cloned body is cancelled when the other one is too.
      reader.cancel().catch(() => {})
      return { bytes: concatBytes(chunks, length), isWhole: false }
    }
  }
  return { bytes: concatBytes(chunks, length), isWhole: true }
}

/** How the reading of a stream came to its end. */
export type End = 'whole' | 'too long' | 'too slow' | 'broken off'

/** Reads a stream to its end, within bytes and time; no bytes, and the stream cancelled, when it does not come to it. */
export async function readWithin(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  timeoutMs: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly end: End }> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  let end: End = 'whole'
  const timer = setTimeout(() => {
    end = 'too slow'
    reader.cancel().catch(() => {})
  }, timeoutMs)
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length
      if (length > maxBytes) {
        end = 'too long'
        break
      }
      chunks.push(next.value)
    }
  } catch {
    end = 'broken off'
  } finally {
    clearTimeout(timer)
    reader.cancel().catch(() => {})
  }
  return { bytes: end === 'whole' ? concatBytes(chunks, length) : new Uint8Array(), end }
}
