import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { startS3Stub } from './s3-stub.ts'

const MIB = 2 ** 20
const SIZE = 256

it(`${SIZE} MiB go to S3 and back in a heap of 40 MiB, with flat memory`, { timeout: 180_000 }, async () => {
  const stub = await startS3Stub()
  try {
    const program = join(import.meta.dirname, 's3-large-process.ts')
    const args = ['--max-old-space-size=40', program, String(SIZE), JSON.stringify(stub.options)]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { stored, read, sha256, idle, peak } = JSON.parse(stdout)
    console.log(`${SIZE} MiB in and out: ${Math.round(idle)} MiB idle, ${Math.round(peak)} MiB at most`)
    expect([stored, read]).toEqual([SIZE * MIB, SIZE * MIB])
    const hash = createHash('sha256')
    for (let n = 0; n < SIZE; n++) hash.update(new Uint8Array(MIB).fill(n))
    expect(sha256).toBe(hash.digest('hex'))
    expect(peak - idle).toBeLessThan(120)
  } finally {
    await stub.stop()
  }
})
