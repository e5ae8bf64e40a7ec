import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { fsBlobs } from '../../src/blobs/fs.ts'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { bytesOf, createWorld, HOUR, read, refusedWith, streamOf, type World } from './world.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-uploads-'))
afterAll(() => rmSync(folder, { recursive: true }))

const QUOTA = 1_000_000

/** A body that the test writes by hand. */
function byHand() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  return { body: readable, writer: writable.getWriter() }
}

/** What there would be had nothing ever been uploaded. */
async function expectNothing({ vaults, rows }: World, vault: string): Promise<void> {
  expect(await vaults.get(vault)).toMatchObject({ files: 0, documents: 0, bytes: 0 })
  expect(await vaults.usage()).toMatchObject({ storageBytes: 0 })
  expect(await rows('vault-upload/')).toEqual([])
  expect(await rows('vault-file/')).toEqual([])
}

describe('two uploads of 60 % of the room each', () => {
  const sizes: readonly (number | undefined)[] = [600_000, undefined]

  it.each(sizes)('of size %s: one is in and one is refused, and what is used is exact', async (size) => {
    for (let round = 0; round < 4; round++) {
      const one = createWorld({ limits: { storageBytes: QUOTA } })
      const other = createWorld({ limits: { storageBytes: QUOTA }, beside: one })
      const [a, b] = [await one.vaults.create(), await one.vaults.create()]
      const handles = [a, other.vaults.open(b.id)]
      const uploads = await Promise.allSettled(
        handles.map((vault) =>
          vault.addFile({ body: streamOf(bytesOf(600_000), 7000), ...(size && { size }) }),
        ),
      )
      const refusals = uploads.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
      expect(refusals).toMatchObject([refusedWith('storage-quota-exceeded')])
      expect((await one.vaults.usage()).storageBytes).toBe(600_000)
      expect(await one.rows('vault-upload/')).toEqual([])
      await a.addFile({ body: bytesOf(400_000) })
      await expect(a.addFile({ body: bytesOf(1) })).rejects.toMatchObject(
        refusedWith('storage-quota-exceeded'),
      )
      await expect(b.addDocument(1)).rejects.toMatchObject(refusedWith('storage-quota-exceeded'))
      expect((await other.vaults.usage()).storageBytes).toBe(QUOTA)
    }
  })
})

describe('two uploads of unknown size', () => {
  async function begun(world: World) {
    const vault = await world.vaults.create()
    const uploads = []
    for (let n = 0; n < 2; n++) {
      const { body, writer } = byHand()
      const upload = vault.addFile({ body })
      upload.catch(() => {})
      await writer.write(bytesOf(400_000))
      uploads.push({ upload, writer })
      world.time.now++
    }
    const [older, younger] = uploads
    if (older === undefined || younger === undefined) throw new Error('two uploads')
    return { older, younger }
  }

  it('that both want the last of the room: the younger gives way, and the older goes on', async () => {
    const world = createWorld({ limits: { storageBytes: QUOTA } })
    const { older, younger } = await begun(world)
    await older.writer.write(bytesOf(200_000))
    await younger.writer.write(bytesOf(200_000)).catch(() => {})
    await expect(younger.upload).rejects.toMatchObject(refusedWith('storage-quota-exceeded'))
    await older.writer.close()
    expect((await older.upload).size).toBe(600_000)
    expect((await world.vaults.usage()).storageBytes).toBe(600_000)
  })

  it('that fit are both in, though each was given room ahead', async () => {
    const world = createWorld({ limits: { storageBytes: QUOTA } })
    const { older, younger } = await begun(world)
    const wrote = [older.writer.write(bytesOf(100_000)), younger.writer.write(bytesOf(100_000))]
    const closed = [older.writer.close(), younger.writer.close()]
    await Promise.all([...wrote, ...closed])
    expect(await Promise.all([older.upload, younger.upload])).toMatchObject([
      { size: 500_000 },
      { size: 500_000 },
    ])
    expect((await world.vaults.usage()).storageBytes).toBe(QUOTA)
  })
})

describe('room', () => {
  it('is held before the first byte is read', async () => {
    const world = createWorld({ limits: { storageBytes: QUOTA } })
    const vault = await world.vaults.create()
    const { body, writer } = byHand()
    const upload = vault.addFile({ body, size: 600_000 })
    while ((await world.rows('vault-upload/')).length === 0) await new Promise(setImmediate)
    await expect(vault.addFile({ body: bytesOf(600_000) })).rejects.toMatchObject(
      refusedWith('storage-quota-exceeded'),
    )
    await expect(vault.addDocument('x'.repeat(500_000))).rejects.toMatchObject(
      refusedWith('storage-quota-exceeded'),
    )
    await writer.write(bytesOf(10))
    await writer.close()
    expect((await upload).size).toBe(10)
    expect((await world.vaults.usage()).storageBytes).toBe(10)
    await vault.addFile({ body: bytesOf(QUOTA - 10) })
  })

  it('is not held by what has been refused: a body that nobody reads is told so', async () => {
    const world = createWorld({ limits: { storageBytes: 10 } })
    const vault = await world.vaults.create()
    let cancelled = false
    const body = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true
      },
    })
    await expect(vault.addFile({ body, size: 11 })).rejects.toMatchObject(
      refusedWith('storage-quota-exceeded'),
    )
    expect(cancelled).toBe(true)
  })

  it('for one more file is held too', async () => {
    const world = createWorld({ limits: { filesPerVault: 2 } })
    const vault = await world.vaults.create()
    const uploads = await Promise.allSettled(
      Array.from({ length: 10 }, () => vault.addFile({ body: streamOf(bytesOf(5000)) })),
    )
    expect(uploads.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    for (const each of uploads) {
      if (each.status === 'rejected')
        expect(each.reason).toMatchObject(refusedWith('files-per-vault-exceeded'))
    }
    expect(await vault.info()).toMatchObject({ files: 2, bytes: 10_000 })
    await vault.addDocument('x'.repeat(100_000))
  })

  it('counts what was stored while there was no limit, and what is stored while there is none again', async () => {
    const free = createWorld()
    const limited = createWorld({ limits: { storageBytes: 1000 }, beside: free })
    const vault = await free.vaults.create()
    const there = limited.vaults.open(vault.id)
    const { id } = await vault.addFile({ body: bytesOf(700) })
    await there.addFile({ body: bytesOf(200) })
    await expect(there.addFile({ body: bytesOf(200) })).rejects.toMatchObject({ code: 'refused' })
    await vault.deleteFile(id)
    await vault.addDocument('x'.repeat(98))
    await there.addFile({ body: bytesOf(700) })
    await expect(there.addFile({ body: bytesOf(1) })).rejects.toMatchObject({ code: 'refused' })
    expect((await limited.vaults.usage()).storageBytes).toBe(1000)
    expect((await free.vaults.usage()).storageBytes).toBe(1000)
  })
})

describe('a file that is too large', () => {
  it.each([1001, undefined])('is refused, whether it says %s or nothing', async (size) => {
    const root = join(folder, `large-${size}`)
    const world = createWorld({ blobs: fsBlobs(root), limits: { fileBytes: 1000, storageBytes: QUOTA } })
    const vault = await world.vaults.create()
    const upload = vault.addFile({ body: streamOf(bytesOf(1001), 100), ...(size && { size }) })
    await expect(upload).rejects.toMatchObject(refusedWith('file-too-large'))
    await expectNothing(world, vault.id)
    await vault.addFile({ body: bytesOf(1000) })
    expect(readdirSync(root)).toHaveLength(1)
  })

  it('is read no further than its limit', async () => {
    const world = createWorld({ limits: { fileBytes: 10_000 } })
    const vault = await world.vaults.create()
    let chunks = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        chunks++
        controller.enqueue(bytesOf(1000))
      },
    })
    await expect(vault.addFile({ body: endless })).rejects.toMatchObject(refusedWith('file-too-large'))
    expect(chunks).toBeLessThan(20)
  })
})

describe('an upload that does not end well', () => {
  it('because its client is gone: nothing is visible, the room is free, and the error comes back', async () => {
    const root = join(folder, 'gone')
    const world = createWorld({ blobs: fsBlobs(root), limits: { storageBytes: QUOTA } })
    const vault = await world.vaults.create()
    const { body, writer } = byHand()
    const upload = vault.addFile({ body, size: 600_000 })
    await writer.write(bytesOf(100_000))
    expect(await vault.info()).toMatchObject({ files: 0, bytes: 0 })
    await writer.abort(new Error('the client is gone'))
    await expect(upload).rejects.toThrow('the client is gone')
    await expectNothing(world, vault.id)
    expect(readdirSync(root)).toEqual([])
    await vault.addFile({ body: bytesOf(QUOTA) })
  })

  it('because the vault was sealed meanwhile', async () => {
    const root = join(folder, 'sealed')
    const world = createWorld({ blobs: fsBlobs(root), limits: { storageBytes: QUOTA } })
    const vault = await world.vaults.create()
    const { body, writer } = byHand()
    const upload = vault.addFile({ body, size: 10 })
    await writer.write(bytesOf(10))
    await vault.seal()
    await writer.close()
    await expect(upload).rejects.toMatchObject(refusedWith('vault-sealed'))
    await expectNothing(world, vault.id)
    expect(readdirSync(root)).toEqual([])
  })

  it('because the blob store failed', async () => {
    const blobs = memoryBlobs()
    const broken: BlobStore = { ...blobs, put: async () => Promise.reject(new Error('the disk is full')) }
    const world = createWorld({ blobs: broken, limits: { storageBytes: QUOTA } })
    const vault = await world.vaults.create()
    await expect(vault.addFile({ body: bytesOf(10) })).rejects.toThrow('the disk is full')
    await expectNothing(world, vault.id)
  })

  it.each([
    ['the last commit did', true],
    ['the last commit did not', false],
  ])('because nobody knows whether %s happen: the outbox finds out', async (_, happens) => {
    const root = join(folder, `unknown-${happens}`)
    const plain = createWorld({ blobs: fsBlobs(root), limits: { storageBytes: QUOTA } })
    const world = createWorld({
      store: {
        ...plain.store,
        async commit(writes) {
          if (!writes.some(({ key }) => key.startsWith('vault-file/'))) return plain.store.commit(writes)
          if (happens) await plain.store.commit(writes)
          throw new Error('connection lost')
        },
      },
      limits: { storageBytes: QUOTA },
      beside: plain,
    })
    const vault = await world.vaults.create()
    await expect(vault.addFile({ body: bytesOf(1000) })).rejects.toThrow('connection lost')
    world.time.now += HOUR
    await plain.work()
    expect(readdirSync(root)).toHaveLength(happens ? 1 : 0)
    if (!happens) await expectNothing(plain, vault.id)
    const { files } = await vault.getManifest()
    expect(files).toHaveLength(happens ? 1 : 0)
    for (const { id } of files) expect(await read((await vault.openFile(id)).body)).toEqual(bytesOf(1000))
  })
})

describe('an upload whose process died', () => {
  it.each([
    ['while bytes came', false],
    ['before the record was committed', true],
  ])('%s: nothing is visible, and room and bytes are given back', async (_, isStored) => {
    const root = join(folder, `died-${isStored}`)
    mkdirSync(root)
    const world = createWorld({ blobs: fsBlobs(root), limits: { storageBytes: QUOTA, filesPerVault: 1 } })
    // What a killed process does: nothing more, neither good nor bad.
    let isDead = false
    const never = new Promise<never>(() => {})
    const dying = createWorld({
      limits: { storageBytes: QUOTA, filesPerVault: 1 },
      store: { ...world.store, commit: (writes) => (isDead ? never : world.store.commit(writes)) },
      beside: world,
    })
    const vault = await dying.vaults.create()
    const { body, writer } = byHand()
    void vault.addFile({ body, size: 600_000 })
    await writer.write(bytesOf(1000))
    isDead = true
    if (isStored) await writer.close()
    while (readdirSync(root)[0]?.endsWith('.part') !== !isStored) await new Promise(setImmediate)

    const there = world.vaults.open(vault.id)
    await expect(there.addFile({ body: bytesOf(600_000) })).rejects.toMatchObject({ code: 'refused' })
    expect(await there.getManifest()).toMatchObject({ files: [] })
    world.time.now += HOUR
    await expectNothing(world, vault.id)
    await world.work()
    expect(readdirSync(root)).toEqual([])
    expect(await world.rows('due/')).toHaveLength(2)
    await there.addFile({ body: bytesOf(600_000) })
    await writer.abort().catch(() => {})
  })
})

describe('a slow upload', () => {
  it('keeps its room for as long as it is heard of', async () => {
    const world = createWorld({ limits: { storageBytes: QUOTA } })
    const vault = await world.vaults.create()
    const { body, writer } = byHand()
    const upload = vault.addFile({ body })
    for (let n = 0; n < 30; n++) {
      await writer.write(bytesOf(10_000, n))
      world.time.now += 180_000
      await world.work()
    }
    await writer.close()
    expect((await upload).size).toBe(300_000)
    expect((await world.vaults.usage()).storageBytes).toBe(300_000)
    expect(await world.rows('vault-upload/')).toEqual([])
  })

  it('that was silent for too long is given up, and can be sent again', async () => {
    const root = join(folder, 'silent')
    const world = createWorld({ blobs: fsBlobs(root), limits: { storageBytes: QUOTA } })
    const vault = await world.vaults.create()
    const { body, writer } = byHand()
    const upload = vault.addFile({ body, size: 2000 })
    const outcome = expect(upload).rejects.toMatchObject(refusedWith('upload-timeout'))
    await writer.write(bytesOf(1000))
    world.time.now += HOUR
    await world.work()
    await writer.write(bytesOf(1000)).catch(() => {})
    await writer.close().catch(() => {})
    await outcome
    await expectNothing(world, vault.id)
    expect(readdirSync(root)).toEqual([])
    await vault.addFile({ body: bytesOf(2000) })
  })
})
