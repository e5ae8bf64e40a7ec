import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fsBlobs } from '../../src/blobs/fs.ts'
import { blobContract } from '../../src/testing/blob-contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-blobs-'))
let roots = 0

const NAME = '0123456789abcdef0123456789abcdef'
const newRoot = (): string => join(folder, `${++roots}`)
const streamOf = (text: string): ReadableStream<Uint8Array> => new Blob([text]).stream()

afterAll(() => rmSync(folder, { recursive: true }))

blobContract({ describe, it }, () => fsBlobs(newRoot()))

describe('a folder', () => {
  it('is made with the first blob, and both are for their owner alone', async () => {
    const root = join(newRoot(), 'deeper')
    const blobs = fsBlobs(root)
    expect(existsSync(root)).toBe(false)
    await blobs.put(NAME, streamOf('text'))
    expect(statSync(root).mode & 0o777).toBe(0o700)
    expect(statSync(join(root, NAME)).mode & 0o777).toBe(0o600)
  })

  it('holds one file per blob, and nothing of a stream that failed', async () => {
    const root = newRoot()
    const blobs = fsBlobs(root)
    await blobs.put(NAME, streamOf('text'))
    const failing = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('gone')),
    })
    await expect(blobs.put(NAME.replace('0', 'f'), failing)).rejects.toThrow('gone')
    expect(readdirSync(root)).toEqual([NAME])
  })

  it('loses what a killed process has left of a blob when the blob is deleted', async () => {
    const root = newRoot()
    mkdirSync(root)
    writeFileSync(join(root, `${NAME}.part`), 'half of')
    await fsBlobs(root).delete(NAME)
    expect(readdirSync(root)).toEqual([])
  })

  it('needs a path', () => {
    expect(() => fsBlobs('')).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  it('that cannot be made is a store failure with its cause', async () => {
    writeFileSync(join(folder, 'file'), '')
    const blobs = fsBlobs(join(folder, 'file', 'blobs'))
    const failure = { code: 'store-failed', cause: expect.any(Error) }
    await expect(blobs.put(NAME, streamOf('text'))).rejects.toMatchObject(failure)
    await expect(blobs.open(NAME)).rejects.toMatchObject(failure)
  })
})

describe('a link in the folder', () => {
  const outside = join(folder, 'outside')
  const prepare = (name: string) => {
    const root = newRoot()
    mkdirSync(root)
    writeFileSync(outside, 'not ours')
    symlinkSync(outside, join(root, name))
    return fsBlobs(root)
  }

  it('is not read', async () => {
    await expect(prepare(NAME).open(NAME)).rejects.toMatchObject({ code: 'store-failed' })
  })

  it('is not written through', async () => {
    await expect(prepare(`${NAME}.part`).put(NAME, streamOf('new'))).rejects.toMatchObject({
      code: 'store-failed',
    })
    expect(readFileSync(outside, 'utf8')).toBe('not ours')
    const blobs = prepare(NAME)
    await blobs.put(NAME, streamOf('new'))
    expect(readFileSync(outside, 'utf8')).toBe('not ours')
    expect(await new Response(await blobs.open(NAME)).text()).toBe('new')
  })

  it('is deleted, not what it leads to', async () => {
    await prepare(NAME).delete(NAME)
    expect(readFileSync(outside, 'utf8')).toBe('not ours')
  })

  it('nor is a folder taken for a blob', async () => {
    const root = newRoot()
    mkdirSync(join(root, NAME), { recursive: true })
    await expect(fsBlobs(root).open(NAME)).rejects.toMatchObject({ code: 'store-failed' })
  })
})
