/** Joins chunks whose lengths add up to `length`. */
export function concatBytes(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
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
