/** A piece of a stream. */
export interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly isLast: boolean
}

const FIRST_BYTES = 64 * 1024

/**
 * Cuts a stream into parts of exactly so many bytes; the last may be smaller, or empty when there is nothing. Holds one
 * part at a time, in a buffer that nothing else writes to.
 */
export async function* cut(stream: ReadableStream<Uint8Array>, partBytes: number): AsyncGenerator<Part> {
  let buffer = new Uint8Array(0)
  let filled = 0
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === partBytes) {
        yield { bytes: buffer, isLast: false }
        buffer = new Uint8Array(partBytes)
        filled = 0
      }
      const taken = chunk.subarray(at, at + partBytes - filled)
      if (filled + taken.length > buffer.length) {
        const larger = new Uint8Array(Math.min(partBytes, Math.max(FIRST_BYTES, 2 * (filled + taken.length))))
        larger.set(buffer.subarray(0, filled))
        buffer = larger
      }
      buffer.set(taken, filled)
      filled += taken.length
      at += taken.length
    }
  }
  yield { bytes: buffer.subarray(0, filled), isLast: true }
}
