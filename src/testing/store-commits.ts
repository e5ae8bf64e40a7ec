import type { Version } from '../stores/store.ts'
import { check, checkRejects, checkSame } from './check.ts'
import { committed, EVERYTHING, keysOf, present, refused, type StoreProver } from './store-prover.ts'

/** What {@link Store} promises of commits: conditions, all or nothing, one winner. */
export function proveCommits({ describe, proves }: StoreProver): void {
  describe('store: conditions', () => {
    proves('absent holds until the key is written', async (store) => {
      await committed(store, { key: 'a', value: { n: 1 }, if: 'absent' })
      await refused(store, { key: 'a', value: { n: 2 }, if: 'absent' })
      checkSame((await present(store, 'a')).value, { n: 1 })
    })

    proves('a version holds until the next write', async (store) => {
      const first = await committed(store, { key: 'a', value: { n: 1 } })
      await committed(store, { key: 'a', value: { n: 2 }, if: { version: first } })
      await refused(store, { key: 'a', value: { n: 3 }, if: { version: first } })
      checkSame((await present(store, 'a')).value, { n: 2 })
    })

    proves('no version holds for an absent key', async (store) => {
      const version = await committed(store, { key: 'a', value: {} })
      await refused(store, { key: 'b', value: {}, if: { version } })
    })

    proves('a deletion can have a condition', async (store) => {
      const version = await committed(store, { key: 'a', value: {} })
      await refused(store, { key: 'a', value: null, if: { version: `${version}0` } })
      await committed(store, { key: 'a', value: null, if: { version } })
      check((await store.get('a')) === null, 'null')
    })

    proves('a deletion on the condition of absence writes nothing, and tells', async (store) => {
      await committed(store, { key: 'a', value: null, if: 'absent' }, { key: 'b', value: {} })
      await refused(store, { key: 'b', value: null, if: 'absent' }, { key: 'c', value: {} })
      checkSame(keysOf(await store.list(EVERYTHING)), ['b'])
    })

    proves('one condition that fails undoes the whole commit', async (store) => {
      const version = await committed(store, { key: 'b', value: { n: 1 } })
      await refused(
        store,
        { key: 'a', value: {}, if: 'absent' },
        { key: 'b', value: null, if: { version } },
        { key: 'c', value: {}, if: { version } },
        { key: 'd', value: {} },
      )
      checkSame(keysOf(await store.list(EVERYTHING)), ['b'])
      check((await present(store, 'b')).version === version, 'the same version')
    })

    proves(
      'a key that was deleted and written again, with the same value, has another version',
      async (store) => {
        const first = await committed(store, { key: 'a', value: { n: 1 } })
        await committed(store, { key: 'a', value: null })
        const second = await committed(store, { key: 'a', value: { n: 1 }, if: 'absent' })
        check(first !== second, 'another version')
        await refused(store, { key: 'a', value: { n: 2 }, if: { version: first } })
      },
    )

    proves('no two commits have the same version, whatever they write', async (store) => {
      const versions = new Set<Version>()
      for (let n = 0; n < 25; n++) {
        versions.add(await committed(store, { key: 'a', value: { n } }))
        versions.add(await committed(store, { key: 'a', value: null }))
      }
      check(versions.size === 50, `50 versions, got ${versions.size}`)
    })

    proves('a key that stands twice in a commit is refused', async (store) => {
      const writes = [
        { key: 'a', value: {} },
        { key: 'b', value: {} },
        { key: 'a', value: null },
      ]
      await checkRejects(store.commit(writes), 'invalid-option')
      checkSame(keysOf(await store.list(EVERYTHING)), [])
    })
  })

  describe('store: sizes', () => {
    proves('250 writes of 512 KiB together, and a value of 1.5 MiB', async (store) => {
      const texts = Array.from({ length: 250 }, (_, n) => textOf(n === 0 ? 1.5 * MIB : (512 * KIB) / 249))
      const writes = texts.map((text, n) => ({ key: keyOf(n), value: { text } }))
      await committed(store, ...writes)
      for (const { key, value } of writes) checkSame((await present(store, key)).value, value)
      await committed(store, ...writes.map(({ key }) => ({ key, value: null })))
      checkSame(await store.list(EVERYTHING), [])
    })

    proves('keys of 64 KiB together', async (store) => {
      const keys = Array.from({ length: 125 }, (_, n) => `${keyOf(n)}/${'x'.repeat(500)}`)
      await committed(store, ...keys.map((key) => ({ key, value: { key } })))
      checkSame(keysOf(await store.list(EVERYTHING, { limit: 1000 })), keys)
    })

    proves('texts of many bytes a character', async (store) => {
      const value = { text: '😀'.repeat((1.5 * MIB - 20) / 4) }
      await committed(store, { key: 'a', value })
      checkSame((await present(store, 'a')).value, value)
    })

    proves('a hundred conditions, of which each counts', async (store) => {
      const keys = Array.from({ length: 100 }, (_, n) => keyOf(n))
      const absent = keys.map((key) => ({ key, value: {}, if: 'absent' as const }))
      const version = await committed(store, ...absent)
      const held = keys.map((key) => ({ key, value: { n: 1 }, if: { version } }))
      await committed(store, { key: keyOf(99), value: {} })
      await refused(store, ...held)
      await refused(store, ...held.toReversed())
      await committed(store, ...held.slice(0, 99))
    })

    proves('more than 250 writes, or a hundred conditions, are refused', async (store) => {
      const writes = Array.from({ length: 251 }, (_, n) => ({ key: keyOf(n), value: {} }))
      await checkRejects(store.commit(writes), 'invalid-option')
      const conditional = writes.slice(0, 101).map((write) => ({ ...write, if: 'absent' as const }))
      await checkRejects(store.commit(conditional), 'invalid-option')
      checkSame(await store.list(EVERYTHING), [])
    })
  })

  describe('store: races', () => {
    proves('of fifty callers that create one key, one wins', async (store) => {
      const versions = await race(50, async (caller) => {
        if ((await store.get('a')) !== null) return null
        await pause()
        return store.commit([{ key: 'a', value: { caller }, if: 'absent' }])
      })
      const winner = versions.findIndex((version) => version !== null)
      check(versions.filter((version) => version !== null).length === 1, 'one winner')
      const entry = await present(store, 'a')
      checkSame([entry.value, entry.version], [{ caller: winner }, versions[winner] ?? null])
    })

    proves(
      'of fifty callers that take over one key, one wins, and so when it has expired',
      async (store, time) => {
        const version = await committed(store, { key: 'a', value: {}, expiresAt: time.now + 1000 })
        for (const condition of [{ version }, 'absent' as const]) {
          const expiresAt = time.now + 1000
          const versions = await race(50, async (caller) => {
            await pause()
            return store.commit([{ key: 'a', value: { caller }, expiresAt, if: condition }])
          })
          check(versions.filter((version) => version !== null).length === 1, 'one winner')
          time.now = expiresAt
        }
      },
    )

    proves('of commits that want some of the same keys, winners have all of theirs', async (store) => {
      const wanted = (caller: number) => [0, 1, 2].map((n) => keyOf((caller * (n + 1) + n) % 12))
      const versions = await race(50, async (caller) => {
        await pause()
        const keys = [...new Set(wanted(caller))]
        return store.commit(keys.map((key) => ({ key, value: { caller }, if: 'absent' as const })))
      })
      const winners = versions.flatMap((version, caller) => (version === null ? [] : [caller]))
      const taken = winners.flatMap((caller) => [...new Set(wanted(caller))])
      check(winners.length > 0 && new Set(taken).size === taken.length, 'winners that share no key')
      for (const caller of winners) {
        for (const key of wanted(caller)) checkSame((await present(store, key)).value, { caller })
      }
      check((await store.list(EVERYTHING)).length === taken.length, 'nothing of the others')
    })

    proves('ten callers that count by comparing versions lose no step', async (store) => {
      await committed(store, { key: 'a', value: { n: 0 } })
      await race(10, async () => {
        for (let steps = 0; steps < 10; ) {
          const { value, version } = await present(store, 'a')
          await pause()
          const write = { key: 'a', value: { n: Number(value['n']) + 1 }, if: { version } }
          if ((await store.commit([write])) !== null) steps++
        }
      })
      checkSame((await present(store, 'a')).value, { n: 100 })
    })

    proves('commits over the same keys in different order stay whole', async (store) => {
      const keys = ['a', 'b', 'c']
      await race(50, async (caller) => {
        await pause()
        const order = caller % 2 === 0 ? keys : keys.toReversed()
        await store.commit(order.map((key) => ({ key, value: { caller } })))
      })
      const entries = await store.list(EVERYTHING)
      checkSame(keysOf(entries), keys)
      check(new Set(entries.map((entry) => entry.version)).size === 1, 'one version')
      check(new Set(entries.map((entry) => entry.value['caller'])).size === 1, 'one writer')
    })
  })
}

const KIB = 1024
const MIB = 1024 * KIB

function keyOf(n: number): string {
  return `k/${String(n).padStart(3, '0')}`
}

/** Text that makes a value `{ text }` of so many bytes. */
function textOf(bytes: number): string {
  return 'x'.repeat(bytes - '{"text":""}'.length)
}

function race<Result>(callers: number, body: (caller: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: callers }, (_, caller) => body(caller)))
}

/** Lets others go first, in an order that differs from run to run. */
async function pause(): Promise<void> {
  for (let turns = Math.floor(Math.random() * 3); turns > 0; turns--) {
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
}
