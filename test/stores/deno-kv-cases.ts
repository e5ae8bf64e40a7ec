/** What the contracts cannot ask of a store and a bus in Deno KV, because it is about Deno KV. Runs under Deno. */
import { denoKv } from '../../src/stores/deno-kv.ts'
import { denoKvBus } from '../../src/stores/deno-kv-bus.ts'
import type { DenoKvCommit, DenoKvEntry, DenoKvKey } from '../../src/stores/deno-kv-client.ts'
import type { Store } from '../../src/stores/store.ts'
import { check, checkRejects, checkSame } from '../../src/testing/check.ts'
import type { ContractRunner } from '../../src/testing/store-contract.ts'
import { committed, EVERYTHING, keysOf, present, refused } from '../../src/testing/store-prover.ts'
import type { OpenKv } from '../runtimes/deno.ts'

const LARGE = { text: 'é'.repeat(100_000) }

/** Declares the cases. Each has an empty database. */
export function denoKvCases({ describe, it }: ContractRunner, open: () => Promise<OpenKv>): void {
  const proves = (name: string, body: (kv: OpenKv, store: Store) => Promise<void>): void => {
    it(name, async () => {
      const kv = await open()
      try {
        await body(kv, denoKv(kv))
      } finally {
        kv.close()
      }
    })
  }

  describe('a commit whose answer was lost, and which the client sent again by itself', () => {
    proves('is a success when it creates', async (kv, store) => {
      const version = await committed(denoKv(resending(kv)), { key: 'a', value: { n: 1 }, if: 'absent' })
      check((await present(store, 'a')).version === version, 'the version of the entry')
    })

    proves('is a success when it replaces', async (kv, store) => {
      const before = await committed(store, { key: 'a', value: { n: 1 } })
      const again = denoKv(resending(kv))
      await committed(again, { key: 'a', value: { n: 2 }, if: { version: before } })
      checkSame((await present(store, 'a')).value, { n: 2 })
    })

    proves('is a success when some of its keys have been written since', async (kv, store) => {
      const again = denoKv(resending(kv, () => store.commit([{ key: 'a', value: { n: 2 } }])))
      await committed(again, { key: 'a', value: { n: 1 }, if: 'absent' }, { key: 'b', value: { n: 1 } })
      checkSame((await present(store, 'a')).value, { n: 2 })
    })

    proves('is no success of somebody who has written the same', async (kv, store) => {
      await committed(store, { key: 'a', value: { n: 1 } })
      await refused(denoKv(resending(kv)), { key: 'a', value: { n: 1 }, if: 'absent' })
    })
  })

  describe('a condition that is true', () => {
    proves('stays so when Deno KV frees an expired entry between reading and writing', async (kv) => {
      const time = { now: 1000 }
      const store = denoKv(kv, { clock: () => time.now })
      await committed(store, { key: 'a', value: { n: 1 }, expiresAt: 2000 })
      time.now = 2000
      const freeing = denoKv(afterReads(kv, 1, ['coffer', 'entry', 'a']), { clock: () => time.now })
      await committed(freeing, { key: 'a', value: { n: 2 }, if: 'absent' })
      checkSame((await present(store, 'a')).value, { n: 2 })
    })

    proves('but is refused again and again ends as a failure', async (kv) => {
      const refusing = {
        ...bound(kv),
        atomic: () => ({ ...committing(kv.atomic()), commit: async () => ({ ok: false }) as const }),
      }
      await checkRejects(denoKv(refusing).commit([{ key: 'a', value: {} }]), 'store-failed')
    })
  })

  describe('what is more than Deno KV takes', () => {
    proves('is refused by name when it is bytes, and nothing is written', async (_, store) => {
      const writes = Array.from({ length: 13 }, (_, n) => ({
        key: `k/${n}`,
        value: { text: 'x'.repeat(64_000) },
      }))
      await checkRejects(store.commit(writes), 'invalid-option')
      checkSame(keysOf(await store.list(EVERYTHING)), [])
      await committed(store, ...writes.slice(1))
    })

    proves('is refused by name when it is keys', async (_, store) => {
      const writes = Array.from({ length: 160 }, (_, n) => ({ key: `${n}/`.padEnd(512, 'x'), value: {} }))
      await checkRejects(store.commit(writes), 'invalid-option')
      await committed(store, ...writes.slice(6))
    })

    proves('is measured as Deno KV measures, to the byte', async (_, store) => {
      const shell = JSON.stringify({ by: 'x'.repeat(16), value: { text: '' } }).length
      for (const [size, parts] of [
        [65_536, 0],
        [65_537, 2],
      ] as const) {
        const value = { text: 'x'.repeat(size - shell) }
        await committed(store, { key: `size/${parts}`, value })
        checkSame((await present(store, `size/${parts}`)).value, value)
      }
    })
  })

  describe('a large value', () => {
    proves('stands in parts, which go with it when it is deleted', async (kv, store) => {
      const version = await committed(store, { key: 'a', value: LARGE })
      check((await everything(kv)).length > 2, 'parts')
      await committed(store, { key: 'a', value: null, if: { version } })
      checkSame(await everything(kv), [])
    })

    proves('leaves no parts when it is replaced', async (kv, store) => {
      const version = await committed(store, { key: 'a', value: LARGE })
      await committed(store, { key: 'a', value: { n: 1 }, if: { version } })
      checkSame(await everything(kv), [['coffer', 'entry', 'a']])
    })

    proves('leaves no parts when it is refused', async (kv, store) => {
      await committed(store, { key: 'a', value: { n: 1 } })
      await refused(store, { key: 'a', value: LARGE, if: 'absent' })
      checkSame(await everything(kv), [['coffer', 'entry', 'a']])
    })

    proves('is whole to whoever reads it while it is replaced', async (_, store) => {
      const numbered = (n: number) => ({ n, text: String(n % 10).repeat(150_000) })
      let version = await committed(store, { key: 'a', value: numbered(0) })
      let done = false
      const write = async (): Promise<void> => {
        for (let n = 1; n <= 40; n++) {
          version = await committed(store, { key: 'a', value: numbered(n), if: { version } })
        }
        done = true
      }
      const read = async (): Promise<void> => {
        while (!done) {
          for (const { value } of [await present(store, 'a'), ...(await store.list(EVERYTHING))]) {
            checkSame(value, numbered(Number(value['n'])))
          }
        }
      }
      await Promise.all([write(), read(), read()])
    })

    proves('that has lost a part is a failure, and no wrong value', async (kv, store) => {
      await committed(store, { key: 'a', value: LARGE })
      const part = (await everything(kv)).find((key) => key.includes('part'))
      const commit = kv.atomic()
      commit.delete(part ?? [])
      await commit.commit()
      await checkRejects(store.get('a'), 'store-failed')
      await checkRejects(store.list(EVERYTHING), 'store-failed')
    })
  })

  describe('a database', () => {
    proves('holds several stores under different prefixes', async (kv, store) => {
      const other = denoKv(kv, { prefix: 'other' })
      await committed(store, { key: 'a', value: { n: 1 } })
      await committed(other, { key: 'a', value: { n: 2 }, if: 'absent' })
      checkSame(
        (await store.list(EVERYTHING)).map(({ value }) => value),
        [{ n: 1 }],
      )
      checkSame(
        (await other.list(EVERYTHING)).map(({ value }) => value),
        [{ n: 2 }],
      )
    })

    proves('that holds something else under the prefix is a failure', async (kv, store) => {
      const commit = kv.atomic()
      commit.set(['coffer', 'entry', 'a'], { not: 'ours' })
      await commit.commit()
      await checkRejects(store.get('a'), 'store-failed')
      await checkRejects(store.list(EVERYTHING), 'store-failed')
    })

    proves('that is closed is a failure', async (kv, store) => {
      const closed = await open()
      closed.close()
      await checkRejects(denoKv(closed).get('a'), 'store-failed')
      await checkRejects(denoKv(closed).commit([{ key: 'a', value: {} }]), 'store-failed')
      await checkRejects(denoKvBus(closed).publish('a'), 'store-failed')
      await checkRejects(
        denoKvBus(closed).subscribe('a', () => {}),
        'store-failed',
      )
      await store.close()
      check((await kv.getMany([['a']])).length === 1, 'a database that outlives the store')
    })

    proves('frees what has expired, later than by our clock', async (kv) => {
      const expiries: (number | null)[] = []
      const noting = (): DenoKvCommit => {
        const commit = committing(kv.atomic())
        return {
          ...commit,
          set(key, value, options) {
            expiries.push(options?.expireIn ?? null)
            commit.set(key, value, options)
          },
        }
      }
      const store = denoKv({ ...bound(kv), atomic: noting }, { clock: () => 5000 })
      for (const expiresAt of [6000, 4000, Number.MAX_SAFE_INTEGER])
        await committed(store, { key: 'a', value: {}, expiresAt })
      checkSame(expiries, [601_000, 600_000, null])
    })
  })

  describe('options', () => {
    proves('are checked', async (kv) => {
      for (const make of [
        () => denoKv(kv, { prefx: 'a' } as object),
        () => denoKv(kv, { prefix: '' }),
        () => denoKv(kv, { prefix: 'a\0' }),
        () => denoKvBus(kv, { prefix: 'x'.repeat(65) }),
        () => denoKv('coffer.kv' as never),
        () => denoKvBus(undefined as never),
        () => denoKvBus(kv, { clock: () => 0 } as object),
      ]) {
        await checkRejects((async () => make())(), 'invalid-option')
      }
    })
  })

  describe('a watch', () => {
    proves('that breaks is replaced, and what was missed meanwhile is found', async (kv) => {
      const { broken, breakWatch } = breaking(kv)
      const bus = denoKvBus(broken)
      const woken: string[] = []
      const again = Promise.withResolvers<void>()
      await bus.subscribe('a', () => {
        woken.push('a')
        again.resolve()
      })
      await bus.subscribe('b', () => woken.push('b'))
      const mend = breakWatch()
      await denoKvBus(kv).publish('a')
      mend()
      await again.promise
      checkSame(woken, ['a'])
      await bus.close()
    })

    proves('that missed more than the database remembers wakes everybody', async (kv) => {
      const { broken, breakWatch } = breaking(kv)
      const bus = denoKvBus(broken)
      const woken = Promise.withResolvers<void>()
      await bus.subscribe('quiet', woken.resolve)
      const mend = breakWatch()
      const other = denoKvBus(kv)
      // Enough for every key that is watched.
      for (let n = 0; n < 1000; n++) await other.publish(`topic/${n}`)
      mend()
      await woken.promise
      await bus.close()
    })
  })
}

/** A client whose commits all reach the database twice: what it hears is the second answer. */
function resending(kv: OpenKv, meanwhile: () => Promise<unknown> = async () => {}): OpenKv {
  return {
    ...bound(kv),
    atomic() {
      const commit = kv.atomic()
      return {
        ...committing(commit),
        async commit() {
          await commit.commit()
          await meanwhile()
          return commit.commit()
        },
      }
    },
  }
}

/** A client of a database that loses a key after so many reads. */
function afterReads(kv: OpenKv, reads: number, key: DenoKvKey): OpenKv {
  return {
    ...bound(kv),
    async getMany(keys) {
      const entries = await kv.getMany(keys)
      if (--reads === 0) {
        const commit = kv.atomic()
        commit.delete(key)
        await commit.commit()
      }
      return entries
    },
  }
}

/** A client whose watch can be made to fail, and to answer again. */
function breaking(kv: OpenKv) {
  let abort = new AbortController()
  let mended: Promise<void> = Promise.resolve()
  const broken: OpenKv = {
    ...bound(kv),
    watch(keys) {
      const { signal } = abort
      const { readable, writable } = new TransformStream<readonly DenoKvEntry[], readonly DenoKvEntry[]>()
      mended.then(() => kv.watch(keys).pipeTo(writable, { signal })).catch(() => {})
      return readable
    },
  }
  /** Returns what mends it. */
  const breakWatch = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    mended = promise
    abort.abort(new Error('the connection is lost'))
    abort = new AbortController()
    return resolve
  }
  return { broken, breakWatch }
}

function bound(kv: OpenKv): OpenKv {
  return {
    getMany: (keys) => kv.getMany(keys),
    list: (selector, options) => kv.list(selector, options),
    atomic: () => kv.atomic(),
    watch: (keys) => kv.watch(keys),
    close: () => kv.close(),
  }
}

function committing(commit: DenoKvCommit): DenoKvCommit {
  return {
    check: (condition) => commit.check(condition),
    set: (key, value, options) => commit.set(key, value, options),
    delete: (key) => commit.delete(key),
    commit: () => commit.commit(),
  }
}

/** Every key of the database. */
async function everything(kv: OpenKv): Promise<(string | number)[][]> {
  const keys: (string | number)[][] = []
  for await (const { key } of kv.list({ start: [''], end: [0] }, { reverse: false, batchSize: 100 })) {
    keys.push(key.map((part) => (typeof part === 'number' ? part : String(part))))
  }
  return keys
}
