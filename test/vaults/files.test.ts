import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fsBlobs } from '../../src/blobs/fs.ts'
import type { NewFile } from '../../src/vaults/new-file.ts'
import { bytesOf, createWorld, read, refusedWith, streamOf } from './world.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('a file', () => {
  const bytes = bytesOf(700_001)
  const bodies: readonly [string, () => NewFile][] = [
    ['an array', () => ({ name: 'a.png', type: 'Image/PNG', body: bytes })],
    ['a stream', () => ({ name: 'a.png', type: 'image/png', body: streamOf(bytes, 70_000) })],
    [
      'a stream of known size',
      () => ({ name: 'a.png', type: 'image/png', body: streamOf(bytes), size: 700_001 }),
    ],
    ['a Blob', () => ({ name: 'a.png', body: new Blob([bytes], { type: 'image/png' }) })],
    ['a File', () => ({ body: new File([bytes], 'a.png', { type: 'image/png' }) })],
  ]

  it.each(bodies)('comes from %s', async (_, file) => {
    const { vaults, rows } = createWorld()
    const vault = await vaults.create()
    const stub = await vault.addFile(file())
    expect(stub).toEqual({
      id: expect.stringMatching(/^fil_[\w-]{10}000000000001$/),
      name: 'a.png',
      mimeType: 'image/png',
      size: bytes.length,
      sha256: sha256(bytes),
      createdAt: expect.any(Number),
    })
    expect(await vault.getFile(stub.id)).toEqual(stub)
    const opened = await vault.openFile(stub.id)
    expect(opened.file).toEqual(stub)
    expect(sha256(await read(opened.body))).toBe(stub.sha256)
    expect(await vault.info()).toMatchObject({ files: 1, bytes: bytes.length })
    expect(await rows('vault-upload/')).toEqual([])
    expect((await rows('due/')).filter(({ value }) => value['kind'] === 'vault-blob')).toEqual([])
  })

  it('may be empty', async () => {
    const vault = await createWorld().vaults.create()
    for (const body of [new Uint8Array(), streamOf(new Uint8Array()), new Blob()]) {
      const { id, size, sha256: digest } = await vault.addFile({ body })
      expect([size, digest]).toEqual([0, sha256(new Uint8Array())])
      expect(await read((await vault.openFile(id)).body)).toHaveLength(0)
    }
  })

  it('is read in part', async () => {
    const vault = await createWorld().vaults.create()
    const { id } = await vault.addFile({ body: bytes })
    const part = (await vault.openFile(id, { start: 5, end: 300_000 })).body
    expect(Buffer.compare(await read(part), bytes.subarray(5, 300_001))).toBe(0)
    const { length } = bytes
    for (const range of [
      { start: 5, end: 2 },
      { start: -1, end: 2 },
      { start: 0, end: length },
      { start: 0.5, end: 2 },
      { start: Number.NaN, end: 2 },
    ]) {
      await expect(vault.openFile(id, range)).rejects.toMatchObject({ code: 'invalid-option' })
    }
  })

  it.each<[string, object]>([
    ['no body', {}],
    ['text', { body: 'text' }],
    ['a stream that somebody reads', { body: locked() }],
    ['a type that is none', { body: bytes, type: 'png' }],
    ['a type with a line break', { body: bytes, type: 'image/png\r\nx: y' }],
    ['a type with another field', { body: bytes, type: 'image/png, text/html' }],
    ['a long type', { body: bytes, type: `image/${'x'.repeat(300)}` }],
    ['a name that is none', { body: bytes, name: 7 }],
    ['a size that is none', { body: bytes, size: -1 }],
    ['an option that there is not', { body: bytes, mime: 'image/png' }],
    ['a stream of texts', { body: new Blob(['x']).stream().pipeThrough(new TextDecoderStream() as never) }],
  ])('is not made of %s', async (_, file) => {
    const { vaults, rows } = createWorld()
    const vault = await vaults.create()
    await expect(vault.addFile(file as NewFile)).rejects.toMatchObject({ code: 'invalid-option' })
    expect(await vault.info()).toMatchObject({ files: 0, bytes: 0 })
    expect(await rows('vault-upload/')).toEqual([])
  })

  it('keeps the parameters of its type', async () => {
    const vault = await createWorld().vaults.create()
    const type = 'Text/HTML; charset="UTF-8"; x=Y'
    expect((await vault.addFile({ body: bytes, type })).mimeType).toBe('text/html; charset="UTF-8"; x=Y')
  })

  it('of another vault, deleted, or none at all, is not found', async () => {
    const { vaults } = createWorld()
    const [vault, other] = [await vaults.create(), await vaults.create()]
    const { id } = await vault.addFile({ body: bytes })
    const foreign = (await other.addFile({ body: bytes })).id
    await vault.deleteFile(id)
    for (const wrong of [id, foreign, '', '../x', `${id}0`, 'x'.repeat(10_000)]) {
      const failure = refusedWith('file-not-found')
      await expect(vault.getFile(wrong)).rejects.toMatchObject(failure)
      await expect(vault.openFile(wrong)).rejects.toMatchObject(failure)
      await expect(vault.deleteFile(wrong)).rejects.toMatchObject(failure)
    }
    expect((await other.getFile(foreign)).id).toBe(foreign)
  })
})

describe('the name of a file', () => {
  const names = [
    '../x',
    '%2e%2e/',
    '..\\x',
    '/etc/passwd',
    'C:\\x',
    'CON',
    'a\0b',
    'é'.repeat(300),
    '',
    '.',
    'a\ud83d',
  ]

  it('is data: whatever it is, nothing outside of the root is touched', async () => {
    const root = join(folder, 'deep', 'root')
    const outside = join(folder, 'outside')
    mkdirSync(root, { recursive: true })
    writeFileSync(outside, 'not ours')
    symlinkSync(outside, join(root, 'x'))
    symlinkSync(folder, join(root, 'CON'))
    const { vaults } = createWorld({ blobs: fsBlobs(root) })
    const vault = await vaults.create()
    for (const name of names) {
      const { id } = await vault.addFile({ name, body: bytesOf(10) })
      expect(await read((await vault.openFile(id)).body)).toEqual(bytesOf(10))
    }
    expect(readdirSync(folder).sort()).toEqual(['deep', 'outside'])
    expect(readdirSync(join(folder, 'deep'))).toEqual(['root'])
    expect(readFileSync(outside, 'utf8')).toBe('not ours')
    const blobs = readdirSync(root).filter((name) => !['x', 'CON'].includes(name))
    expect(blobs).toHaveLength(names.length)
    for (const blob of blobs) expect(blob).toMatch(/^[0-9a-f]{32}$/)
  })

  it('is kept but for what does harm where it is shown', async () => {
    const vault = await createWorld().vaults.create()
    const kept: string[] = []
    for (const name of [...names, 'a\r\nb\u202ec'])
      kept.push((await vault.addFile({ name, body: bytesOf(1) })).name)
    expect(kept).toEqual([
      ...names.slice(0, 6),
      'a\ufffdb',
      'é'.repeat(255),
      'file',
      '.',
      'a\ufffd',
      'a\ufffd\ufffdb\ufffdc',
    ])
  })
})

describe('a file that is deleted', () => {
  it('is gone at once, its room is free, and its bytes go with the next tick', async () => {
    const root = join(folder, 'deleted')
    const { vaults, work } = createWorld({
      blobs: fsBlobs(root),
      limits: { storageBytes: 1000, filesPerVault: 1 },
    })
    const vault = await vaults.create()
    for (let n = 0; n < 3; n++) {
      const { id } = await vault.addFile({ body: bytesOf(1000) })
      await expect(vault.addFile({ body: bytesOf(1) })).rejects.toMatchObject({ code: 'refused' })
      await vault.deleteFile(id)
      expect(await vault.info()).toMatchObject({ files: 0, bytes: 0 })
    }
    await work()
    expect(readdirSync(root)).toEqual([])
    expect((await vaults.usage()).storageBytes).toBe(0)
  })

  it('may be of a sealed vault', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create()
    const { id } = await vault.addFile({ body: bytesOf(10) })
    await vault.seal()
    await vault.deleteFile(id)
    expect((await vault.getManifest()).files).toEqual([])
    await expect(vault.openFile(id)).rejects.toMatchObject(refusedWith('file-not-found'))
    await expect(vault.deleteFile(id)).rejects.toMatchObject(refusedWith('file-not-found'))
    expect(await vault.info()).toMatchObject({ files: 0, bytes: 0 })
  })

  it('twice at once is deleted once', async () => {
    const one = createWorld({ limits: { storageBytes: 1000 } })
    const other = createWorld({ limits: { storageBytes: 1000 }, beside: one })
    const vault = await one.vaults.create()
    const { id } = await vault.addFile({ body: bytesOf(10) })
    const deleted = await Promise.allSettled([
      vault.deleteFile(id),
      other.vaults.open(vault.id).deleteFile(id),
    ])
    expect(deleted.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await one.vaults.usage()).storageBytes).toBe(0)
  })
})

function locked(): ReadableStream<Uint8Array> {
  const stream = new Blob(['x']).stream()
  stream.getReader()
  return stream
}
