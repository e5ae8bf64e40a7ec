import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'

const MIB = 2 ** 20
const SIZE = 256
const folder = mkdtempSync(join(tmpdir(), 'coffer-large-'))
afterAll(() => rmSync(folder, { recursive: true }))

it(`${SIZE} MiB are stored and read in a heap of 40 MiB, with flat memory`, {
  timeout: 120_000,
}, async () => {
  const script = join(import.meta.dirname, 'large-file-process.ts')
  const args = ['--max-old-space-size=40', script, String(SIZE), folder]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { stored, read, sha256, idle, peak } = JSON.parse(stdout)
  console.log(`${SIZE} MiB in and out: ${Math.round(idle)} MiB idle, ${Math.round(peak)} MiB at most`)
  expect([stored, read]).toEqual([SIZE * MIB, SIZE * MIB])
  const hash = createHash('sha256')
  for (let n = 0; n < SIZE; n++) hash.update(new Uint8Array(MIB).fill(n))
  expect(sha256).toBe(hash.digest('hex'))
  expect(peak - idle).toBeLessThan(100)
})
