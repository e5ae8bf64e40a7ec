import { describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { memory } from '../../src/stores/memory.ts'
import type { Store } from '../../src/stores/store.ts'
import { createOperated } from '../api/operator.ts'
import { codeOf } from '../gate/scripted.ts'
import { createWorld, refusedWith } from './world.ts'

/** More than is read at once. */
const DOCUMENTS = 120

/** A store in which something happens, once, when the first page of the documents of a vault was read. */
function interrupted(store: Store) {
  let interrupt: (() => Promise<void>) | null = null
  return {
    once: (what: () => Promise<void>) => {
      interrupt = what
    },
    store: {
      ...store,
      async list(range, page) {
        const entries = await store.list(range, page)
        const now = range.start.startsWith('vault-document/') ? interrupt : null
        if (now !== null) interrupt = null
        await now?.()
        return entries
      },
    } satisfies Store,
  }
}

async function sealedVault() {
  const { store, once } = interrupted(memory())
  const world = createWorld({ store })
  const vault = await world.vaults.create()
  for (let number = 0; number < DOCUMENTS; number++) await vault.addDocument({ number })
  // Larger than a row: it is read from a blob.
  await vault.addDocument('x'.repeat(100_000))
  await vault.seal()
  return { world, vault, once }
}

describe('a vault that ends and is purged while it is read', () => {
  it('is not proven: what is left of it is not what it held', async () => {
    const { world, vault, once } = await sealedVault()
    once(async () => {
      await vault.delete()
      await world.work()
    })
    await expect(vault.getProof()).rejects.toMatchObject(refusedWith('vault-not-found'))
  })

  it('has no manifest of what is left', async () => {
    const { world, vault, once } = await sealedVault()
    once(async () => {
      world.time.now += 168 * 3_600_000
      await world.work()
    })
    await expect(vault.getManifest()).rejects.toMatchObject(refusedWith('vault-expired'))
  })

  it('is not there any more, rather than broken, when a blob of it is gone already', async () => {
    const { world, vault, once } = await sealedVault()
    once(async () => {
      await vault.delete()
      // Its documents are purged page by page, the last one of them with its blob.
      for (const { value } of await world.rows('vault-document/')) {
        if (typeof value['blob'] === 'string') await world.blobs.delete(value['blob'])
      }
    })
    await expect(vault.getManifest()).rejects.toMatchObject(refusedWith('vault-not-found'))
  })

  it('is not shown in part by the API', async () => {
    const { store, once } = interrupted(memory())
    const { coffer, ask, work, failures } = createOperated({ store })
    const vault = await coffer.vaults?.create()
    for (let number = 0; number < DOCUMENTS; number++) await vault?.addDocument({ number })
    once(async () => {
      await vault?.delete()
      await work()
    })
    const answer = await ask(`/vaults/${vault?.id}`)
    expect([answer.status, await codeOf(answer)]).toEqual([404, 'vault-not-found'])
    expect(failures).toEqual([])
    await coffer.close()
  })
})

describe('what is deleted while it is opened', () => {
  it('is not there any more, rather than broken', async () => {
    const blobs = memoryBlobs()
    let interrupt = async (): Promise<void> => {}
    const world = createWorld({
      blobs: {
        ...blobs,
        async open(name, range) {
          await interrupt()
          return blobs.open(name, range)
        },
      },
    })
    const vault = await world.vaults.create()
    const file = await vault.addFile({ body: new Uint8Array(10) })
    const document = await vault.addDocument('x'.repeat(100_000))
    interrupt = async () => {
      await vault.deleteFile(file.id)
      await world.work()
    }
    await expect(vault.openFile(file.id)).rejects.toMatchObject(refusedWith('file-not-found'))
    interrupt = async () => {
      await vault.delete()
      await world.work()
    }
    await expect(vault.getDocument(document.id)).rejects.toMatchObject(refusedWith('vault-not-found'))
  })
})

it('a blob that is missing of a vault that has not ended is a failure of the store', async () => {
  const { world, vault } = await sealedVault()
  for (const { value } of await world.rows('vault-document/')) {
    if (typeof value['blob'] === 'string') await world.blobs.delete(value['blob'])
  }
  await expect(vault.getManifest()).rejects.toMatchObject({ code: 'store-failed' })
  const active = await world.vaults.create()
  const file = await active.addFile({ body: new Uint8Array(10) })
  for (const { value } of await world.rows('vault-file/')) await world.blobs.delete(String(value['blob']))
  await expect(active.openFile(file.id)).rejects.toMatchObject({ code: 'store-failed' })
})
