import type { BlobRange } from './blob-store.ts'

/** Where the bytes of an open blob come from. */
export interface BlobSource {
  /** Bytes from one position, at least one and at most so many. */
  read(at: number, length: number): Promise<Uint8Array>
  /** Called once, when all was read, when reading failed, or when nobody wants more. */
  close(): Promise<void>
}

const CHUNK_BYTES = 256 * 1024

/** A stream of copies: whoever reads a chunk may write into it. */
export function bytesStream(bytes: Uint8Array, range?: BlobRange): ReadableStream<Uint8Array> {
  return blobStream(range ?? { start: 0, end: bytes.length - 1 }, {
    read: async (at, length) => bytes.slice(at, at + length),
    close: async () => {},
  })
}

/** A stream that reads a blob as fast as it is read itself, and holds one chunk of it at most. */
export function blobStream({ start, end }: BlobRange, source: BlobSource): ReadableStream<Uint8Array> {
  let at = start
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          if (at <= end) {
            const chunk = await source.read(at, Math.min(CHUNK_BYTES, end + 1 - at))
            at += chunk.length
            controller.enqueue(chunk)
          }
        } catch (error) {
          await source.close()
          throw error
        }
        if (at <= end) return
        await source.close()
        controller.close()
      },
      cancel: () => source.close(),
    },
    { highWaterMark: 0 },
  )
}
