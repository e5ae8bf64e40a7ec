import { afterEach, describe, expect, it, vi } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import type { Store } from '../../src/stores/store.ts'
import { bytesOf, createWorld } from './world.ts'

const LIMITS = { storageBytes: 100_000_000 }

/** A store that counts its commits, and answers one of them never when it is told to. */
function counting() {
  const kept = memory()
  const state = { commits: 0, isStuck: false }
  const store: Store = {
    ...kept,
    commit(writes) {
      state.commits++
      if (!state.isStuck) return kept.commit(writes)
      state.isStuck = false
      return new Promise(() => {})
    },
  }
  return { store, state }
}

afterEach(() => vi.useRealTimers())

describe('many vaults that are written to at once, where storage is limited', () => {
  it('take turns: each writes about once, and what is used is exact', async () => {
    const { store, state } = counting()
    const world = createWorld({ store, limits: LIMITS })
    const vaults = await Promise.all(Array.from({ length: 100 }, () => world.vaults.create()))
    state.commits = 0
    await Promise.all(vaults.map((vault) => vault.addDocument('x'.repeat(100))))
    expect(state.commits).toBe(100)
    expect((await world.vaults.usage()).storageBytes).toBe(100 * 102)

    state.commits = 0
    const files = await Promise.all(vaults.map((vault) => vault.addFile({ body: bytesOf(10) })))
    // Room first, then the record.
    expect(state.commits).toBe(200)
    await Promise.all(vaults.map((vault, at) => vault.deleteFile(files[at]?.id ?? '')))
    await Promise.all(vaults.map((vault) => vault.delete()))
    expect(state.commits).toBe(400)
    expect((await world.vaults.usage()).storageBytes).toBe(0)
  })

  it('do not wait for ever for one whose commit is never answered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { store, state } = counting()
    const world = createWorld({ store, limits: LIMITS })
    const vaults = await Promise.all(Array.from({ length: 20 }, () => world.vaults.create()))
    const stuck = await world.vaults.create()
    state.isStuck = true
    stuck.addDocument(1)
    const others = Promise.all(vaults.map((vault) => vault.addDocument('x'.repeat(100))))
    await vi.advanceTimersByTimeAsync(9000)
    expect(await world.rows('vault-document/')).toEqual([])
    await vi.advanceTimersByTimeAsync(1000)
    await others
    expect((await world.vaults.usage()).storageBytes).toBe(20 * 102)
  })
})
