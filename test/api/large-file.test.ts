import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { toWebStream } from '../../adapters/node.ts'
import type { FileStub } from '../../src/vaults/files.ts'

const MIB = 2 ** 20
const CHUNK = 64 * 1024
const BOUNDARY = 'a-boundary-as-long-as-browsers-make-them'

const folder = mkdtempSync(join(tmpdir(), 'coffer-large-'))
const script = join(import.meta.dirname, 'large-file-process.ts')
// With little room for what is kept, so that garbage does not count.
const server = fork(script, [folder], { execArgv: ['--max-old-space-size=64'] })
const [{ url, vault, bearer }] = (await once(server, 'message')) as [
  Record<'url' | 'vault' | 'bearer', string>,
]
const at = `${url}/vaults/${vault}/files`
const authorization = `Bearer ${bearer}`
afterAll(async () => {
  const gone = once(server, 'exit')
  server.kill()
  await gone
  rmSync(folder, { recursive: true })
})

/** How much memory the server has taken at most since it was asked last, MiB. */
async function peak(): Promise<number> {
  server.send('peak')
  const [mebibytes] = await once(server, 'message')
  return mebibytes
}

interface Upload {
  readonly file: FileStub
  /** SHA-256 of what was sent. */
  readonly digest: string
}

/** Sends so many bytes, each chunk another one, as a stream whose size nobody tells. */
async function upload(size: number, form: boolean): Promise<Upload> {
  const hash = createHash('sha256')
  async function* body(): AsyncGenerator<Uint8Array> {
    if (form) yield Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\n`)
    for (let sent = 0; sent < size; sent += CHUNK) {
      const chunk = new Uint8Array(CHUNK).fill(sent / CHUNK)
      hash.update(chunk)
      yield chunk
    }
    if (form) yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
  }
  const type = form ? `multipart/form-data; boundary=${BOUNDARY}` : 'application/x-large'
  const answer = await fetch(at, {
    method: 'POST',
    headers: { authorization, 'content-type': type },
    body: toWebStream(body()),
    duplex: 'half',
  } as RequestInit)
  expect(answer.status).toBe(201)
  return { file: await answer.json(), digest: hash.digest('hex') }
}

async function download(id: string): Promise<string> {
  const answer = await fetch(`${at}/${id}`, { headers: { authorization } })
  expect(answer.status).toBe(200)
  const hash = createHash('sha256')
  for await (const chunk of answer.body ?? []) hash.update(chunk)
  return hash.digest('hex')
}

/** How much memory the server has while it has nothing to do, MiB: all is loaded, and was used once. */
async function idle(): Promise<number> {
  for (const form of [false, true]) await download((await upload(16 * MIB, form)).file.id)
  await peak()
  return peak()
}

it('a GiB is uploaded and downloaded with flat memory', { timeout: 400_000 }, async () => {
  const resting = await idle()
  const { file, digest } = await upload(1024 * MIB, false)
  const uploading = await peak()
  expect(file).toMatchObject({ size: 1024 * MIB, sha256: digest })
  expect(await download(file.id)).toBe(digest)
  const downloading = await peak()
  console.log(`1 GiB: ${shown(resting)} idle, at most ${shown(uploading)} up, ${shown(downloading)} down`)
  expect(Math.max(uploading, downloading) - resting).toBeLessThan(150)
})

it('a GiB is uploaded in a form with flat memory', { timeout: 400_000 }, async () => {
  const resting = await idle()
  const { file, digest } = await upload(1024 * MIB, true)
  const uploading = await peak()
  expect(file).toMatchObject({ size: 1024 * MIB, sha256: digest })
  console.log(`1 GiB in a form: ${shown(resting)} idle, at most ${shown(uploading)} up`)
  expect(uploading - resting).toBeLessThan(150)
})

const shown = (mebibytes: number): string => `${Math.round(mebibytes)} MiB`
