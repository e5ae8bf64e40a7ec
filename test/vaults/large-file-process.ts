/**
 * A process that streams a large file into a vault and out of it again, and prints how much memory that took:
 * `node large-file-process.ts <MiB> <folder>`.
 */
import { join } from 'node:path'
import { setInterval } from 'node:timers'
import { fsBlobs } from '../../src/blobs/fs.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { createWorld } from './world.ts'

const MIB = 2 ** 20
const [size = '', folder = ''] = process.argv.slice(2)
const bytes = Number(size) * MIB

function body(): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent === bytes) return controller.close()
      controller.enqueue(new Uint8Array(64 * 1024).fill(sent / MIB))
      sent += 64 * 1024
    },
  })
}

const { vaults } = createWorld({
  store: sqlite(join(folder, 'coffer.db')),
  blobs: fsBlobs(join(folder, 'blobs')),
  limits: { storageBytes: bytes },
})
const vault = await vaults.create()
// Everything has been loaded and used once before memory is measured.
const { id } = await vault.addFile({ body: new Uint8Array(MIB) })
await new Response((await vault.openFile(id)).body).arrayBuffer()
await vault.deleteFile(id)

const idle = process.memoryUsage().rss
let peak = idle
const sampling = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 10)
const file = await vault.addFile({ name: 'large', body: body() })
let read = 0
for await (const chunk of (await vault.openFile(file.id)).body) read += chunk.length
clearInterval(sampling)
process.stdout.write(
  JSON.stringify({ stored: file.size, read, sha256: file.sha256, idle: idle / MIB, peak: peak / MIB }),
)
