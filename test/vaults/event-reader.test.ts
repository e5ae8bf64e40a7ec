import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Bus } from '../../src/stores/bus.ts'
import { memoryBus } from '../../src/stores/memory-bus.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import type { Store } from '../../src/stores/store.ts'
import type { VaultEvent } from '../../src/vaults/vault-event.ts'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { createWorld, DAY, HOUR, NOW, type World } from './world.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-events-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function readAll(vault: Vault, options: Parameters<Vault['events']>[0] = {}): Promise<VaultEvent[]> {
  const events: VaultEvent[] = []
  for await (const event of vault.events(options)) events.push(event)
  return events
}

const numbers = (events: readonly VaultEvent[]): number[] =>
  events.map(({ eventId }) => Number(eventId.slice(-12)))

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1)

/** Gives way to others, for a moment that differs from call to call. */
async function pause(): Promise<void> {
  const turns = Math.floor(Math.random() * 4)
  if (turns === 3) await new Promise(setImmediate)
  else for (let n = 0; n < turns; n++) await null
}

describe('a reader', () => {
  it('gets what there was, then what comes, and ends with the seal', async () => {
    const { vaults } = createWorld({ bus: memoryBus() })
    const vault = await vaults.create()
    for (let n = 0; n < 200; n++) await vault.emit('before', n)
    const reading = readAll(vault)
    for (let n = 0; n < 50; n++) await vault.emit('after', n)
    await vault.seal('Done')
    const events = await reading
    expect(numbers(events)).toEqual(upTo(251))
    expect(events.at(-1)).toMatchObject({
      type: 'vault.sealed',
      payload: { vaultId: vault.id, summary: 'Done', sealedAt: NOW },
    })
    expect(events[200]).toMatchObject({ type: 'after', payload: 0 })
  })

  it('of a sealed vault gets its history and ends, also when there is nothing left to get', async () => {
    const { vaults } = createWorld()
    const vault = await vaults.create()
    await vault.emit('x')
    await vault.seal()
    const events = await readAll(vault)
    expect(numbers(events)).toEqual([1, 2])
    expect(await readAll(vault, { after: events[0]?.eventId ?? '' })).toEqual(events.slice(1))
    expect(await readAll(vault, { after: events[1]?.eventId ?? '' })).toEqual([])
  })

  it('sees the end of a vault that expires, without any worker', async () => {
    const { vaults, time } = createWorld({ bus: memoryBus() })
    const vault = await vaults.create({ ttlHours: 1 })
    await vault.emit('x')
    const events = vault.events()
    expect((await events.next()).value).toMatchObject({ type: 'x' })
    time.now += HOUR
    expect((await events.next()).value).toMatchObject({
      type: 'vault.expired',
      payload: { vaultId: vault.id, expiredAt: NOW + HOUR },
    })
    expect((await events.next()).done).toBe(true)
  })

  it('sees it as well when the worker was faster, and purges', async () => {
    const { vaults, time, work } = createWorld()
    const vault = await vaults.create({ ttlHours: 1 })
    await vault.emit('x')
    const events = vault.events()
    await events.next()
    time.now += HOUR
    await work()
    expect((await events.next()).value).toMatchObject({ type: 'vault.expired' })
    expect((await events.next()).done).toBe(true)
  })

  it('that was too slow for a vault that ended gets no event after a gap', async () => {
    const { vaults, time, work, rows } = createWorld()
    const vault = await vaults.create({ ttlHours: 1 })
    for (let n = 0; n < 100; n++) await vault.emit('x', n)
    const events = vault.events()
    await events.next()
    time.now += HOUR
    await work()
    time.now += HOUR
    await work()
    expect(await rows('vault-event/')).toEqual([])
    const rest: VaultEvent[] = []
    for await (const event of events) rest.push(event)
    expect(numbers(rest)).toEqual(upTo(64).slice(1))
  })

  it('of a vault that is deleted ends', async () => {
    const { vaults } = createWorld({ bus: memoryBus() })
    const vault = await vaults.create()
    const reading = readAll(vault)
    await vault.emit('x')
    await new Promise(setImmediate)
    await vault.delete()
    expect(numbers(await reading)).toEqual([1])
  })

  it('ends with its signal, also while it waits, and leaves no subscription', async () => {
    const subscriptions = new Set<string>()
    const inner = memoryBus()
    const bus: Bus = {
      ...inner,
      async subscribe(topic, wake) {
        const unsubscribe = await inner.subscribe(topic, wake)
        subscriptions.add(topic)
        return () => {
          subscriptions.delete(topic)
          unsubscribe()
        }
      },
    }
    const { vaults } = createWorld({ bus })
    const vault = await vaults.create()
    await vault.emit('x')
    const abort = new AbortController()
    const reading = readAll(vault, { signal: abort.signal })
    const subscribed = async (count: number): Promise<void> => {
      while (subscriptions.size !== count) await new Promise(setImmediate)
    }
    await subscribed(1)
    abort.abort()
    expect(numbers(await reading)).toEqual([1])
    await subscribed(0)

    for await (const _ of vault.events()) break
    await subscribed(0)
    expect(await readAll(vault, { signal: AbortSignal.abort() })).toEqual([])
    vault.events()
    expect(subscriptions.size).toBe(0)
  })

  it('polls when there is no bus, when wake-ups are lost, and when nobody can subscribe', async () => {
    const silent: Bus = { ...memoryBus(), publish: async () => {} }
    const failing: Bus = {
      publish: async () => Promise.reject(new Error('down')),
      subscribe: async () => Promise.reject(new Error('down')),
      close: async () => {},
    }
    await Promise.all(
      [null, silent, failing].map(async (bus) => {
        const { vaults } = createWorld({ bus })
        const vault = await vaults.create()
        const events = vault.events()
        await vault.emit('first')
        await events.next()
        const next = events.next()
        await new Promise((resolve) => setTimeout(resolve, 10))
        await vault.emit('second')
        expect((await next).value).toMatchObject({ type: 'second' })
        await events.return(undefined)
      }),
    )
  })

  it('that stalls under ten thousand events holds a page of them, and gets them all', async () => {
    const world = createWorld({ bus: memoryBus() })
    let listed = 0
    const watching = createWorld({
      beside: world,
      bus: memoryBus(),
      store: {
        ...world.store,
        async list(range, page) {
          const entries = await world.store.list(range, page)
          listed += entries.length
          return entries
        },
      },
    })
    const vault = await world.vaults.create()
    const events = watching.vaults.open(vault.id).events()
    await vault.emit('x', 0)
    expect((await events.next()).value).toMatchObject({ payload: 0 })
    for (let n = 1; n < 10_000; n++) await vault.emit('x', n)
    await vault.seal()
    expect(listed).toBe(1)
    const rest: VaultEvent[] = []
    for await (const event of events) {
      rest.push(event)
      expect(listed).toBeLessThanOrEqual(rest.length + 64)
    }
    expect(numbers(rest)).toEqual(upTo(10_001).slice(1))
  })
})

describe('readers of one vault', () => {
  /** Vaults whose store counts how often it is read. */
  function createCountingWorld(bus: Bus | null = memoryBus()) {
    const { store } = createWorld()
    const reads = { count: 0 }
    const counted = <Args extends unknown[], Result>(read: (...args: Args) => Result) => {
      return (...args: Args): Result => {
        reads.count++
        return read(...args)
      }
    }
    const world = createWorld({
      store: { ...store, get: counted(store.get), list: counted(store.list) },
      bus,
    })
    return { ...world, reads }
  }

  it('share what is read: a hundred cost hardly more than one', async () => {
    const countReads = async (readers: number): Promise<number> => {
      const { vaults, reads } = createCountingWorld()
      const vault = await vaults.create()
      const reading = Array.from({ length: readers }, () => readAll(vault))
      for (let n = 0; n < 50; n++) {
        await vault.emit('n', n)
        await new Promise(setImmediate)
      }
      await vault.seal()
      for (const events of await Promise.all(reading)) expect(numbers(events)).toEqual(upTo(51))
      return reads.count - readers
    }
    const one = await countReads(1)
    expect(await countReads(100)).toBeLessThanOrEqual(one + 10)
  })

  it('go each at its own pace', async () => {
    const { vaults, reads } = createCountingWorld()
    const vault = await vaults.create()
    const readers = Array.from({ length: 20 }, () => vault.events())
    const taken = readers.map((): VaultEvent[] => [])
    const take = async (at: number, count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const next = await readers[at]?.next()
        if (next && !next.done) taken[at]?.push(next.value)
      }
    }
    const paces = readers.map((_, at) => take(at, 1 + 25 * at))
    for (let n = 0; n < 500; n++) await vault.emit('n', n)
    await Promise.all(paces)
    await vault.seal()
    reads.count = 0
    await Promise.all(readers.map((_, at) => take(at, 501 - 25 * at)))
    for (const events of taken) expect(numbers(events)).toEqual(upTo(501))
    // Nothing of this is read event by event.
    expect(reads.count).toBeLessThan(150)
  })

  it('come and go while others stay', async () => {
    const { vaults } = createCountingWorld()
    const vault = await vaults.create()
    const staying = readAll(vault)
    for (let n = 0; n < 100; n++) {
      const { eventId } = await vault.emit('n', n)
      const visitor = vault.events({ after: eventId })
      const next = visitor.next()
      await pause()
      await vault.emit('n', n)
      expect(numbers([(await next).value as VaultEvent])).toEqual([2 * n + 2])
      await visitor.return(undefined)
    }
    await vault.seal()
    expect(numbers(await staying)).toEqual(upTo(201))
  })

  it('are told when the store fails, and can begin anew', async () => {
    const bus = memoryBus()
    const world = createWorld({ bus })
    let isBroken = false
    const store: Store = {
      ...world.store,
      get: async (key) => (isBroken ? Promise.reject(new Error('down')) : world.store.get(key)),
    }
    const { vaults } = createWorld({ beside: world, store, bus })
    const vault = await vaults.create()
    const first = await vault.emit('n', 0)
    const reading = [readAll(vault), readAll(vault), readAll(vault)]
    await new Promise(setImmediate)
    isBroken = true
    await world.vaults.open(vault.id).emit('n', 1)
    await expect(vaults.core.readers.open(vault.id)).rejects.toThrow('down')
    for (const each of reading) await expect(each).rejects.toThrow('down')
    isBroken = false
    const again = readAll(vault, { after: first.eventId })
    await vault.seal()
    expect(numbers(await again)).toEqual([2, 3])
  })

  it('are all ended when the process closes, at once', async () => {
    const { vaults, reads } = createCountingWorld()
    const vault = await vaults.create()
    await vault.emit('n')
    const reading = [readAll(vault), readAll(vault)]
    const open = vault.events()
    expect((await open.next()).value).toMatchObject({ type: 'n' })
    await new Promise(setImmediate)
    await vaults.core.readers.close()
    reads.count = 0
    for (const events of await Promise.all(reading)) expect(numbers(events)).toEqual([1])
    expect((await open.next()).done).toBe(true)
    expect(reads.count).toBe(0)
    expect(await readAll(vault)).toEqual([])
  })
})

describe('between replay and live', () => {
  /** One writer in one process, one reader in another, who connects somewhere in the middle. */
  async function run(writer: World, reader: World, count: number, from: number): Promise<void> {
    const vault = await writer.vaults.create()
    const there = reader.vaults.open(vault.id)
    const early: string[] = []
    for (let n = 0; n < from; n++) early.push((await vault.emit('n', n)).eventId)
    const seen = Math.floor(Math.random() * (from + 1))
    const writing = (async () => {
      for (let n = from; n < count; n++) {
        await pause()
        await vault.emit('n', n)
      }
      await pause()
      await vault.seal()
    })()
    await pause()
    const after = early[seen - 1]
    const events = await readAll(there, after === undefined ? {} : { after })
    await writing
    expect(numbers(events)).toEqual(upTo(count + 1).slice(seen))
  }

  async function runs(times: number, store: (clock: () => number) => Store, atOnce: number): Promise<void> {
    const bus = memoryBus()
    const writer = createWorld({ store: store(() => NOW), bus })
    const reader = createWorld({ beside: writer, store: store(() => NOW), bus })
    const left = Array.from({ length: times }, (_, n) => n)
    const work = async (): Promise<void> => {
      for (let n = left.pop(); n !== undefined; n = left.pop()) await run(writer, reader, 5 + (n % 4), n % 5)
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    await writer.store.close()
  }

  it('nothing is lost or doubled in 1000 runs of two instances on one store in memory (case 37)', async () => {
    const { store } = createWorld()
    await runs(1000, () => store, 8)
  })

  it('nor in 1000 runs of two instances on one SQLite file (case 37)', { timeout: 300_000 }, async () => {
    await runs(1000, (clock) => sqlite(join(folder, 'events.db'), { clock }), 8)
  })
})

describe('readers and writers', () => {
  it('of many vaults do not hear of each other', async () => {
    const bus = memoryBus()
    const { vaults, time } = createWorld({ bus })
    const all = await Promise.all(Array.from({ length: 20 }, () => vaults.create()))
    const reading = all.map((vault) => readAll(vault))
    for (let n = 0; n < 10; n++) await Promise.all(all.map((vault) => vault.emit('n', n)))
    await Promise.all(all.map((vault) => vault.seal()))
    for (const [at, events] of (await Promise.all(reading)).entries()) {
      expect(numbers(events)).toEqual(upTo(11))
      expect(new Set(events.map(({ vaultId }) => vaultId))).toEqual(new Set([all[at]?.id]))
    }
    time.now += DAY
  })
})
