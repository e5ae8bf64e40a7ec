/**
 * A process that streams a large blob to S3 and back, and prints how much memory that took:
 * `node s3-large-process.ts <MiB> <S3Options as JSON>`.
 */
import { createHash } from 'node:crypto'
import { setInterval } from 'node:timers'
import { s3Blobs } from '../../src/blobs/s3.ts'

const MIB = 2 ** 20
const [size = '', options = ''] = process.argv.slice(2)
const bytes = Number(size) * MIB
const blobs = s3Blobs(JSON.parse(options))

function body(length: number): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent === length) return controller.close()
      controller.enqueue(new Uint8Array(64 * 1024).fill(sent / MIB))
      sent += 64 * 1024
    },
  })
}

// Everything has been loaded and used once before memory is measured.
const [first, large] = ['0'.repeat(32), '1'.repeat(32)]
await blobs.put(first, body(11 * MIB))
await new Response(await blobs.open(first)).arrayBuffer()

const idle = process.memoryUsage().rss
let peak = idle
const sampling = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 10)
const stored = await blobs.put(large, body(bytes))
const hash = createHash('sha256')
let read = 0
for await (const chunk of (await blobs.open(large)) ?? []) {
  read += chunk.length
  hash.update(chunk)
}
clearInterval(sampling)
process.stdout.write(
  JSON.stringify({ stored, read, sha256: hash.digest('hex'), idle: idle / MIB, peak: peak / MIB }),
)
