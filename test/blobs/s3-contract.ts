/** The contract of blob stores on S3, with what a runtime could get wrong about large and broken bodies. Runs anywhere. */
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { s3Blobs } from '../../src/blobs/s3.ts'
import type { S3Options } from '../../src/blobs/s3-options.ts'
import { blobContract } from '../../src/testing/blob-contract.ts'
import { check, checkRejects } from '../../src/testing/check.ts'
import type { Declare } from '../runtimes/contract-runner.ts'

const NAME = '0123456789abcdef0123456789abcdef'
const PART = 5 * 1024 * 1024

/** Everything. Reads of blobs below `broken/` break off when half is sent. */
export function declareS3(options: S3Options): Declare {
  let stores = 0
  const open = (folder = `${++stores}`): BlobStore => s3Blobs({ ...options, prefix: `${folder}/` })
  return (runner) => {
    blobContract(runner, () => open())

    runner.describe('blobs: large ones', () => {
      runner.it('come back from their parts', async () => {
        const blobs = open()
        const size = 2 * PART + 12_345
        check((await blobs.put(NAME, streamOf(size))) === size, 'all bytes stored')
        let at = 0
        for await (const chunk of (await blobs.open(NAME)) ?? []) {
          check(chunk[0] === at % 251 && chunk.at(-1) === (at + chunk.length - 1) % 251, 'the same bytes')
          at += chunk.length
        }
        check(at === size, `${size} bytes, got ${at}`)
      })

      runner.it('leave nothing when their stream fails, whose error comes back', async () => {
        const gone = new Error('the client is gone')
        const put = open('failing').put(NAME, streamOf(PART + 100_000, gone))
        const error: unknown = await put.catch((reason: unknown) => reason)
        check(error === gone, 'the error of the stream')
      })

      runner.it('that break off while they are read are an error, never a short blob', async () => {
        const blobs = open('broken')
        await blobs.put(NAME, streamOf(1_000_000))
        const stream = await blobs.open(NAME)
        await checkRejects(new Response(stream).arrayBuffer(), 'store-failed')
      })
    })
  }
}

function streamOf(size: number, error?: Error): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at < size) {
        const from = at
        at = Math.min(size, at + 300_007)
        controller.enqueue(Uint8Array.from({ length: at - from }, (_, n) => (from + n) % 251))
      } else if (error) controller.error(error)
      else controller.close()
    },
  })
}
