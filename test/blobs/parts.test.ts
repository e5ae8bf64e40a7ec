import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cut } from '../../src/blobs/parts.ts'

/** A stream that writes into one buffer again and again, as producers may. */
function streamOf(
  bytes: Uint8Array,
  sizes: readonly number[],
  onCancel = (): void => {},
): ReadableStream<Uint8Array> {
  const buffer = new Uint8Array(2000)
  let at = 0
  let chunks = 0
  return new ReadableStream(
    {
      pull(controller) {
        if (at === bytes.length) return controller.close()
        const size = Math.min(sizes[chunks++ % sizes.length] ?? 1, bytes.length - at)
        buffer.set(bytes.subarray(at, at + size))
        controller.enqueue(buffer.subarray(0, size))
        at += size
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  )
}

it('parts are of one size but the last, and together the stream', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 5000 }),
      fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 1500 }),
      async (length, sizes, partBytes) => {
        const bytes = Uint8Array.from({ length }, (_, at) => at % 251)
        const parts = []
        for await (const part of cut(streamOf(bytes, sizes), partBytes)) parts.push(part)
        expect(Buffer.concat(parts.map((part) => part.bytes)).equals(bytes)).toBe(true)
        expect(parts.map(({ isLast }) => isLast)).toEqual(parts.map((_, at) => at === parts.length - 1))
        for (const part of parts.slice(0, -1)) expect(part.bytes).toHaveLength(partBytes)
        const last = parts.at(-1)?.bytes.length ?? 0
        expect(last).toBeLessThanOrEqual(partBytes)
        if (length > 0) expect(last).toBeGreaterThan(0)
      },
    ),
  )
})

it('a stream is read no further than the part that is wanted, and let go when no more are', async () => {
  let cancelled = false
  const stream = streamOf(new Uint8Array(5000), [1000], () => {
    cancelled = true
  })
  for await (const { bytes } of cut(stream, 1000)) {
    expect(bytes).toHaveLength(1000)
    break
  }
  expect(cancelled).toBe(true)
})
