import type { BlobRange, BlobStore } from '../blobs/blob-store.ts'
import { readBytes } from '../lib/body.ts'
import { check, checkRejects } from './check.ts'
import type { ContractRunner } from './store-contract.ts'

/** Makes an empty blob store. The contract closes it after one test. */
export type BlobStoreFactory = () => BlobStore | Promise<BlobStore>

/** Larger than any chunk, and no multiple of one. */
const LARGE = 3_000_001

/**
 * Proves that a blob store does what {@link BlobStore} says, one test for each promise.
 *
 * @example
 * ```ts
 * import { describe, it } from 'vitest'
 * import { blobContract } from 'coffer/testing'
 *
 * blobContract({ describe, it }, () => myBlobs())
 * ```
 */
export function blobContract({ describe, it }: ContractRunner, factory: BlobStoreFactory): void {
  const proves = (name: string, body: (blobs: BlobStore) => Promise<void>): void => {
    it(name, async () => {
      const blobs = await factory()
      try {
        await body(blobs)
      } finally {
        await blobs.close()
      }
    })
  }

  describe('blobs: whole', () => {
    proves('a name that nothing was stored under is absent', async (blobs) => {
      check((await blobs.open(nameOf(1))) === null, 'null')
    })

    for (const size of [0, 1, 1000, LARGE]) {
      proves(`${size} bytes come back`, async (blobs) => {
        const bytes = bytesOf(size)
        check((await blobs.put(nameOf(1), streamOf(bytes))) === size, `a size of ${size}`)
        await checkBytes(blobs, nameOf(1), bytes)
        await checkBytes(blobs, nameOf(1), bytes)
      })
    }

    proves('a chunk is stored as it was when it came', async (blobs) => {
      const chunk = bytesOf(1000)
      const expected = chunk.slice()
      await blobs.put(nameOf(1), streamOf(chunk))
      chunk.fill(0)
      await checkBytes(blobs, nameOf(1), expected)
    })

    proves('changing bytes that were read changes nothing', async (blobs) => {
      const bytes = bytesOf(1000)
      await blobs.put(nameOf(1), streamOf(bytes.slice()))
      for await (const chunk of await opened(blobs, nameOf(1))) chunk.fill(0)
      await checkBytes(blobs, nameOf(1), bytes)
    })

    proves('twenty that are stored at once are twenty', async (blobs) => {
      const numbers = Array.from({ length: 20 }, (_, n) => n)
      await Promise.all(numbers.map((n) => blobs.put(nameOf(n), streamOf(bytesOf(1000 * n, n)))))
      await Promise.all(numbers.map((n) => checkBytes(blobs, nameOf(n), bytesOf(1000 * n, n))))
    })
  })

  describe('blobs: ranges', () => {
    const ranges: readonly BlobRange[] = [
      { start: 0, end: 0 },
      { start: 0, end: LARGE - 1 },
      { start: LARGE - 1, end: LARGE - 1 },
      { start: 1, end: 2_000_000 },
      { start: 262_143, end: 262_144 },
    ]
    for (const range of ranges) {
      proves(`bytes ${range.start} to ${range.end}`, async (blobs) => {
        const bytes = bytesOf(LARGE)
        await blobs.put(nameOf(1), streamOf(bytes))
        await checkBytes(blobs, nameOf(1), bytes.subarray(range.start, range.end + 1), range)
      })
    }
  })

  describe('blobs: half stored', () => {
    proves('nothing is visible before all is stored', async (blobs) => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
      const writer = writable.getWriter()
      const put = blobs.put(nameOf(1), readable)
      await writer.write(bytesOf(100_000))
      check((await blobs.open(nameOf(1))) === null, 'null')
      await writer.close()
      await put
      await checkBytes(blobs, nameOf(1), bytesOf(100_000))
    })

    proves('a stream that fails leaves nothing, and its error comes back', async (blobs) => {
      const broken = new Error('the client is gone')
      const error: unknown = await blobs.put(nameOf(1), streamOf(bytesOf(100_000), broken)).catch((e) => e)
      check(error === broken, 'the error of the stream')
      check((await blobs.open(nameOf(1))) === null, 'null')
    })

    proves('the name of a stream that failed can be deleted', async (blobs) => {
      await blobs.put(nameOf(1), streamOf(bytesOf(10), new Error('broken'))).catch(() => {})
      await blobs.delete(nameOf(1))
    })
  })

  describe('blobs: deletion', () => {
    proves('what was deleted is absent, and deleting it again is no error', async (blobs) => {
      await blobs.put(nameOf(1), streamOf(bytesOf(10)))
      await blobs.put(nameOf(2), streamOf(bytesOf(10)))
      await blobs.delete(nameOf(1))
      await blobs.delete(nameOf(1))
      check((await blobs.open(nameOf(1))) === null, 'null')
      await checkBytes(blobs, nameOf(2), bytesOf(10))
    })

    proves('a reader that stops early frees the blob', async (blobs) => {
      await blobs.put(nameOf(1), streamOf(bytesOf(LARGE)))
      const reader = (await opened(blobs, nameOf(1))).getReader()
      check((await reader.read()).done === false, 'a chunk')
      await reader.cancel()
      await blobs.delete(nameOf(1))
      check((await blobs.open(nameOf(1))) === null, 'null')
    })
  })

  describe('blobs: names', () => {
    const hostile = ['', '.', '..', '../x', 'a/b', 'a\\b', '%2e%2e/', 'a\0', 'CON', 'x'.repeat(300)]
    for (const name of [...hostile, nameOf(1).toUpperCase(), `${nameOf(1)}\n`]) {
      proves(`${JSON.stringify(name.slice(0, 40))} is refused`, async (blobs) => {
        await checkRejects(blobs.put(name, streamOf(bytesOf(1))), 'invalid-option')
        await checkRejects(blobs.open(name), 'invalid-option')
        await checkRejects(blobs.delete(name), 'invalid-option')
      })
    }
  })
}

function nameOf(n: number): string {
  return `abcdef${n.toString(16).padStart(26, '0')}`
}

function bytesOf(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8) + seed) & 0xff)
}

/** In chunks of uneven sizes; with an error, broken off at the end. */
function streamOf(bytes: Uint8Array, error?: Error): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) {
        const next = Math.min(bytes.length, at + 1 + ((at * 7) % 70_000))
        controller.enqueue(bytes.slice(at, next))
        at = next
      } else if (error) controller.error(error)
      else controller.close()
    },
  })
}

async function opened(
  blobs: BlobStore,
  name: string,
  range?: BlobRange,
): Promise<ReadableStream<Uint8Array>> {
  const stream = await (range ? blobs.open(name, range) : blobs.open(name))
  check(stream !== null, `a blob of ${name}`)
  return stream
}

async function checkBytes(
  blobs: BlobStore,
  name: string,
  expected: Uint8Array,
  range?: BlobRange,
): Promise<void> {
  const bytes = await readBytes(await opened(blobs, name, range), LARGE + 1)
  check(bytes?.length === expected.length, `${expected.length} bytes, got ${bytes?.length}`)
  check(
    expected.every((byte, at) => byte === bytes[at]),
    'the same bytes',
  )
}
