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

    proves('twenty callers that count by comparing versions lose no step', async (store) => {
      await committed(store, { key: 'a', value: { n: 0 } })
      await race(20, async () => {
        for (let steps = 0; steps < 10; ) {
          const { value, version } = await present(store, 'a')
          await pause()
          const write = { key: 'a', value: { n: Number(value['n']) + 1 }, if: { version } }
          if ((await store.commit([write])) !== null) steps++
        }
      })
      checkSame((await present(store, 'a')).value, { n: 200 })
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

function race<Result>(callers: number, body: (caller: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: callers }, (_, caller) => body(caller)))
}

/** Lets others go first, in an order that differs from run to run. */
async function pause(): Promise<void> {
  for (let turns = Math.floor(Math.random() * 3); turns > 0; turns--) {
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
}
