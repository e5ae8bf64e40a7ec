import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fsBlobs } from '../../src/blobs/fs.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { bytesOf, createWorld } from './world.ts'

const disk = mkdtempSync(join(tmpdir(), 'coffer-disk-'))
/** A disk of its own, which only root of a Linux machine can make. */
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk]).status === 0

afterAll(() => {
  if (isMounted) spawnSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

const FULL = { code: 'store-failed', cause: expect.any(Error) }

/** Leaves no room on the disk; returns what makes room again. */
function fill(): () => void {
  const file = join(disk, 'full')
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(file, new Uint8Array(bavail * bsize))
  return () => rmSync(file)
}

describe.skipIf(!isMounted)('a disk that is full', () => {
  const store = sqlite(join(disk, 'coffer.db'))
  const world = createWorld({
    store,
    blobs: fsBlobs(join(disk, 'blobs')),
    limits: { storageBytes: 10_000_000 },
  })
  afterAll(() => store.close())
  const stored = (): readonly string[] => readdirSync(join(disk, 'blobs'))

  it('takes no file that is larger than it, and leaves nothing of it', async () => {
    const vault = await world.vaults.create()
    await vault.addFile({ body: bytesOf(1000) })
    await expect(vault.addFile({ body: bytesOf(900_000) })).rejects.toMatchObject(FULL)
    expect(await vault.info()).toMatchObject({ files: 1, bytes: 1000 })
    expect(await world.vaults.usage()).toMatchObject({ storageBytes: 1000 })
    expect(await world.rows('vault-upload/')).toEqual([])
    expect(stored()).toHaveLength(1)
    await vault.delete()
    await world.work()
    expect(stored()).toEqual([])
  })

  it('is written to as a whole or not at all, read meanwhile, and written to again when there is room', async () => {
    const vault = await world.vaults.create()
    await vault.addDocument({ n: 1 })
    const makeRoom = fill()
    let emitted = 0
    const emitting = (async () => {
      for (; emitted < 1000; emitted++) await vault.emit('agent.step', 'x'.repeat(5000))
    })()
    await expect(emitting).rejects.toMatchObject(FULL)
    await expect(vault.addFile({ body: bytesOf(10) })).rejects.toMatchObject(FULL)
    await expect(vault.seal()).rejects.toMatchObject(FULL)
    expect(await vault.getManifest()).toMatchObject({
      status: 'active',
      documents: [{ data: { n: 1 } }],
      files: [],
      events: emitted,
    })
    expect(await world.rows('vault-event/')).toHaveLength(emitted)
    makeRoom()
    await vault.addFile({ body: bytesOf(10) })
    await vault.seal()
    expect(await vault.info()).toMatchObject({ files: 1, events: emitted + 1 })
    // Whatever was promised for uploads that failed is settled, and deletes nothing that is there.
    world.time.now += 20 * 60_000
    await world.work()
    expect(stored()).toHaveLength(1)
    expect(await world.rows('vault-upload/')).toEqual([])
  })
})
