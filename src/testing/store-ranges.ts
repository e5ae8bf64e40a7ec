import { prefixRange } from '../stores/store.ts'
import { check, checkRejects, checkSame } from './check.ts'
import { committed, EVERYTHING, keysOf, present, refused, type StoreProver } from './store-prover.ts'

/** What {@link Store} promises of lists and of entries that end. */
export function proveRanges({ describe, proves }: StoreProver): void {
  describe('store: lists', () => {
    proves('keys come in the order of their UTF-8 bytes, and reversed', async (store) => {
      // U+10000 and above sort last by bytes, but before U+E000 by UTF-16 units.
      const inOrder = [
        'A',
        'a',
        'a\u0001',
        'a!',
        'aa',
        'b',
        'é',
        '\ud7ff',
        '\ue000',
        '\ufffd',
        '\u{10000}',
        '😀',
      ]
      await committed(store, ...inOrder.toReversed().map((key) => ({ key, value: {} })))
      checkSame(keysOf(await store.list(EVERYTHING)), inOrder)
      checkSame(keysOf(await store.list(EVERYTHING, { reverse: true })), inOrder.toReversed())
      checkSame(keysOf(await store.list({ start: '\ue000', end: '😀' })), ['\ue000', '\ufffd', '\u{10000}'])
    })

    proves('a range has its start and not its end', async (store) => {
      await committed(store, ...['a', 'b', 'c', 'd'].map((key) => ({ key, value: {} })))
      checkSame(keysOf(await store.list({ start: 'b', end: 'd' })), ['b', 'c'])
      checkSame(keysOf(await store.list({ start: 'b', end: 'd' }, { reverse: true })), ['c', 'b'])
      checkSame(keysOf(await store.list({ start: 'aa', end: 'bb' })), ['b'])
      checkSame(keysOf(await store.list({ start: 'b', end: 'b' })), [])
      checkSame(keysOf(await store.list({ start: 'c', end: 'b' })), [])
    })

    proves('keys that were deleted are gone, and come once when they are written again', async (store) => {
      const keys = ['a', 'b', 'c']
      await committed(store, ...keys.map((key) => ({ key, value: {} })))
      await committed(store, { key: 'a', value: null }, { key: 'b', value: null })
      checkSame(keysOf(await store.list(EVERYTHING)), ['c'])
      await committed(store, { key: 'b', value: {} })
      await committed(store, { key: 'b', value: {} })
      checkSame(keysOf(await store.list(EVERYTHING)), ['b', 'c'])
    })

    proves('a prefix range has the keys with the prefix only', async (store) => {
      const keys = ['a', 'a.', 'a/', 'a/1', 'a/\u{10ffff}', 'a0', 'b/1']
      await committed(store, ...keys.map((key) => ({ key, value: {} })))
      checkSame(keysOf(await store.list(prefixRange('a/'))), ['a/', 'a/1', 'a/\u{10ffff}'])
    })

    proves('a page has 100 entries by default, and both ways lead through all', async (store) => {
      const keys = Array.from({ length: 250 }, (_, n) => `k/${String(n).padStart(3, '0')}`)
      await committed(store, ...keys.map((key, n) => ({ key, value: { n } })))
      check((await store.list(EVERYTHING)).length === 100, '100 entries')
      const forward: string[] = []
      for (let { start, end } = prefixRange('k/'); ; start = `${forward.at(-1)}\u0001`) {
        const page = await store.list({ start, end }, { limit: 60 })
        forward.push(...keysOf(page))
        if (page.length < 60) break
      }
      checkSame(forward, keys)
      const backward: string[] = []
      for (let { start, end } = prefixRange('k/'); ; end = backward.at(-1) ?? '') {
        const page = await store.list({ start, end }, { limit: 60, reverse: true })
        backward.push(...keysOf(page))
        if (page.length < 60) break
      }
      checkSame(backward, keys.toReversed())
    })

    proves('a page has a thousand entries, if asked, and a page of large ones comes whole', async (store) => {
      const keys = Array.from({ length: 1010 }, (_, n) => `k/${String(n).padStart(4, '0')}`)
      for (let at = 0; at < keys.length; at += 250) {
        await committed(store, ...keys.slice(at, at + 250).map((key) => ({ key, value: { key } })))
      }
      checkSame(keysOf(await store.list(EVERYTHING, { limit: 1000 })), keys.slice(0, 1000))
      const backward = await store.list(EVERYTHING, { limit: 1000, reverse: true })
      checkSame(keysOf(backward), keys.toReversed().slice(0, 1000))
      const text = 'é'.repeat(24 * 1024)
      for (const key of keys.slice(0, 50)) await committed(store, { key, value: { text } })
      const large = await store.list(EVERYTHING, { limit: 50 })
      check(large.length === 50 && large.every(({ value }) => value['text'] === text), 'fifty large values')
    })

    proves('a limit outside 1 to 1000 and a bound that is no text are refused', async (store) => {
      for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
        await checkRejects(store.list(EVERYTHING, { limit }), 'invalid-option')
      }
      await checkRejects(store.list({ start: '', end: '\ud800' }), 'invalid-option')
      await checkRejects(store.list({ start: 'a\0', end: 'b' }), 'invalid-option')
    })
  })

  describe('store: expiry', () => {
    proves('an entry lives until its instant and is absent from then on', async (store, time) => {
      const expiresAt = time.now + 1000
      const version = await committed(store, { key: 'a', value: {}, expiresAt }, { key: 'b', value: {} })
      time.now = expiresAt - 1
      await present(store, 'a')
      checkSame(keysOf(await store.list(EVERYTHING)), ['a', 'b'])
      time.now = expiresAt
      check((await store.get('a')) === null, 'null')
      checkSame(keysOf(await store.list(EVERYTHING, { limit: 1 })), ['b'])
      await refused(store, { key: 'a', value: {}, if: { version } })
      const next = await committed(store, { key: 'a', value: {}, if: 'absent' })
      check(next !== version, 'another version')
      await present(store, 'a')
    })

    proves('an entry whose instant is past never appears', async (store, time) => {
      await committed(store, { key: 'a', value: {}, expiresAt: time.now - 1 })
      await committed(store, { key: 'a', value: {}, if: 'absent', expiresAt: time.now })
      check((await store.get('a')) === null, 'null')
    })

    proves('a page is full though entries before and among it have expired', async (store, time) => {
      const keys = Array.from({ length: 240 }, (_, n) => `k/${String(n).padStart(3, '0')}`)
      const expiresAt = time.now + 1000
      const isLasting = (n: number) => n > 200 && n % 2 === 0
      const entries = keys.map((key, n) => ({ key, value: {}, ...(!isLasting(n) && { expiresAt }) }))
      await committed(store, ...entries)
      time.now = expiresAt
      const lasting = keys.filter((_, n) => isLasting(n))
      checkSame(keysOf(await store.list(EVERYTHING, { limit: 10 })), lasting.slice(0, 10))
      const backward = await store.list(EVERYTHING, { limit: 12, reverse: true })
      checkSame(keysOf(backward), lasting.toReversed().slice(0, 12))
      checkSame(keysOf(await store.list(EVERYTHING)), lasting)
    })

    proves('an instant may lie long ago, or at the end of time', async (store, time) => {
      for (const expiresAt of [0, -1, Number.MIN_SAFE_INTEGER]) {
        await committed(store, { key: 'a', value: {} })
        await committed(store, { key: 'a', value: {}, expiresAt })
        check((await store.get('a')) === null, 'null')
      }
      await committed(store, { key: 'a', value: {}, expiresAt: Number.MAX_SAFE_INTEGER })
      time.now += 1_000_000_000_000
      await present(store, 'a')
    })

    proves('a later write sets the expiry anew, or takes it away', async (store, time) => {
      const keys = ['a', 'b']
      await committed(store, ...keys.map((key) => ({ key, value: {}, expiresAt: time.now + 1000 })))
      await committed(store, { key: 'a', value: {} }, { key: 'b', value: {}, expiresAt: time.now + 3000 })
      time.now += 2000
      checkSame(keysOf(await store.list(EVERYTHING)), ['a', 'b'])
      time.now += 2000
      checkSame(keysOf(await store.list(EVERYTHING)), ['a'])
    })

    proves('an instant that is no whole number is refused', async (store) => {
      for (const expiresAt of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await checkRejects(store.commit([{ key: 'a', value: {}, expiresAt }]), 'invalid-option')
      }
    })

    proves('freeing what has expired touches nothing else', async (store, time) => {
      for (let n = 0; n < 40; n++) {
        const expiresAt = time.now + (n % 2 === 0 ? 1000 : 1_000_000)
        await committed(store, { key: `t/${n}`, value: {}, expiresAt }, { key: `k/${n}`, value: { n } })
      }
      time.now += 1000
      for (let n = 0; n < 40; n++) await committed(store, { key: 'other', value: { n } })
      checkSame((await store.list(prefixRange('k/'))).length, 40)
      checkSame((await store.list(prefixRange('t/'))).length, 20)
    })
  })
}
