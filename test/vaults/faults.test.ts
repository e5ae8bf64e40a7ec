import { describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { CofferError } from '../../src/problems/error.ts'
import { memory } from '../../src/stores/memory.ts'
import type { Store } from '../../src/stores/store.ts'
import { fileOf } from '../../src/vaults/files.ts'
import { vaultOf } from '../../src/vaults/vault.ts'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { bytesOf, createWorld, DAY, HOUR, NOW, streamOf } from './world.ts'

/** There is a sum to keep, and room for everything: nobody waits for any. */
const QUOTA = 1_000_000_000

/** Numbers from 0 to 1 that are the same every time (mulberry32). */
function createDice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A store and a blob store that fail now and then: before a call has had effect, or when it has and nobody is told. */
function createFaulty(dice: () => number) {
  const faults = { chance: 0.25 }
  const time = { now: NOW }
  const kept = memory({ clock: () => time.now })
  const blobs = memoryBlobs()
  const names = new Set<string>()

  async function shaky<Result>(call: () => Promise<Result>): Promise<Result> {
    if (dice() < faults.chance / 2) throw new CofferError('store-failed', 'it has not happened')
    const result = await call()
    if (dice() < faults.chance / 2) throw new CofferError('store-failed', 'it has happened')
    return result
  }

  const store: Store = { ...kept, commit: (writes) => shaky(() => kept.commit(writes)) }
  return {
    faults,
    time,
    kept,
    names,
    store,
    blobs: {
      ...blobs,
      put: (name: string, body: ReadableStream<Uint8Array>) =>
        shaky(async () => {
          const size = await blobs.put(name, body)
          names.add(name)
          return size
        }),
      delete: (name: string) =>
        shaky(async () => {
          await blobs.delete(name)
          names.delete(name)
        }),
    },
  }
}

describe('a store and blobs that fail at any call, with or without effect', () => {
  it.each([1, 2, 3, 4])('leave nothing behind, and lose nothing (seed %d)', async (seed) => {
    const dice = createDice(seed)
    const { faults, time, kept, names, store, blobs } = createFaulty(dice)
    const world = createWorld({ store, blobs, limits: { storageBytes: QUOTA } })
    const now = (ms: number): void => {
      time.now += ms
      world.time.now = time.now
    }
    const vaults: Vault[] = []
    const files: { readonly vault: Vault; readonly id: string }[] = []
    const any = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(dice() * items.length)]

    const acts: readonly (() => Promise<unknown>)[] = [
      async () => vaults.push(await world.vaults.create()),
      async () => any(vaults)?.addDocument({ n: dice() }),
      async () => any(vaults)?.addDocument('x'.repeat(60_000)),
      async () => any(vaults)?.emit('agent.step', dice()),
      ...[1, 2, 3].map(() => async () => {
        const vault = any(vaults)
        const body = streamOf(bytesOf(Math.floor(dice() * 400_000)), 50_000)
        const file = await vault?.addFile({ body })
        if (vault !== undefined && file !== undefined) files.push({ vault, id: file.id })
      }),
      async () => {
        const file = any(files)
        await file?.vault.deleteFile(file.id)
      },
      async () => (dice() < 0.3 ? any(vaults)?.seal() : null),
      async () => (dice() < 0.2 ? any(vaults)?.delete() : null),
      async () => (dice() < 0.3 ? any(vaults)?.extend(1 + dice() * 10) : null),
      async () => now(Math.floor(dice() * 300_000)),
      async () => world.worker.tick(),
    ]
    for (let round = 0; round < 60; round++) {
      const some = Array.from({ length: 4 }, () => any(acts))
      await Promise.allSettled(some.map((act) => act?.()))
    }

    // Everything works again, and whatever was promised is done.
    faults.chance = 0
    for (let hours = 0; hours < 4; hours++) {
      now(HOUR)
      await world.work()
    }
    const rows = async (prefix: string) => {
      const found = []
      for (let start = prefix; ; ) {
        const page = await kept.list({ start, end: `${prefix}\u{10ffff}` }, { limit: 1000 })
        found.push(...page)
        const last = page.at(-1)
        if (page.length < 1000 || last === undefined) return found
        start = `${last.key}\u0001`
      }
    }
    const live = (await rows('vault/')).map(vaultOf).filter(({ endedAt }) => endedAt === null)
    const used = new Set<string>()
    let bytes = 0
    for (const vault of live) {
      const documents = await rows(`vault-document/${vault.id}/`)
      const kept = (await rows(`vault-file/${vault.id}/`)).map(fileOf)
      const there = kept.filter(({ deletedAt }) => deletedAt === null)
      const events = await rows(`vault-event/${vault.id}/`)
      expect([documents.length, there.length, events.length]).toEqual([
        vault.documents,
        vault.files,
        vault.events,
      ])
      const sizes = [...documents.map(({ value }) => Number(value['size'])), ...there.map(({ size }) => size)]
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(vault.bytes)
      for (const { value } of documents) if (value['blob'] !== null) used.add(String(value['blob']))
      for (const { blob } of there) used.add(blob)
      bytes += vault.bytes
    }
    expect(live.length).toBeGreaterThan(0)
    expect((await world.vaults.usage()).storageBytes).toBe(bytes)
    expect([...names].sort()).toEqual([...used].sort())
    expect(await rows('vault-upload/')).toEqual([])
    expect(await rows('dead/')).toEqual([])

    // And all of it goes.
    now(30 * DAY)
    await world.work()
    now(HOUR)
    await world.work()
    expect(names.size).toBe(0)
    expect((await world.vaults.usage()).storageBytes).toBe(0)
    for (const prefix of ['vault-document/', 'vault-file/', 'vault-event/', 'due/']) {
      expect(await rows(prefix)).toEqual([])
    }
  })
})
