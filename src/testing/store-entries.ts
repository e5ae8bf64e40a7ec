import type { JsonObject } from '../lib/json.ts'
import { check, checkRejects, checkSame } from './check.ts'
import { committed, EVERYTHING, present, type StoreProver } from './store-prover.ts'

/** What {@link Store} promises of single entries: presence, values, keys. */
export function proveEntries({ describe, proves }: StoreProver): void {
  describe('store: entries', () => {
    proves('an unwritten key is absent', async (store) => {
      check((await store.get('a')) === null, 'null')
    })

    proves('what was committed is read back, under the version of the commit', async (store) => {
      const version = await committed(store, { key: 'a', value: { n: 1 } }, { key: 'b', value: { n: 2 } })
      for (const [key, n] of [['a', 1] as const, ['b', 2] as const]) {
        const entry = await present(store, key)
        checkSame([entry.key, entry.value, entry.version], [key, { n }, version])
      }
    })

    proves('a later write replaces the value and the version', async (store) => {
      const first = await committed(store, { key: 'a', value: { n: 1 } })
      const second = await committed(store, { key: 'a', value: { n: 2 } })
      check(first !== second, 'a new version')
      checkSame((await present(store, 'a')).value, { n: 2 })
    })

    proves('a deleted key is absent, and deleting it again is no error', async (store) => {
      await committed(store, { key: 'a', value: {} })
      await committed(store, { key: 'a', value: null })
      await committed(store, { key: 'a', value: null })
      check((await store.get('a')) === null, 'null')
    })

    proves('a closed store refuses every call, and closing it again does nothing', async (store) => {
      await store.close()
      await store.close()
      await checkRejects(store.get('a'), 'invalid-state')
      await checkRejects(store.list(EVERYTHING), 'invalid-state')
      await checkRejects(store.commit([{ key: 'a', value: {} }]), 'invalid-state')
    })
  })

  describe('store: values', () => {
    proves('whatever JSON can say comes back', async (store) => {
      const value = {
        numbers: [0, -1, 0.1 + 0.2, 1e21, 1e-7, 5e-324, -1.7976931348623157e308, 2 ** 53 - 1, 2 ** 53 + 2],
        texts: ['', '"\\\'\n\t\u0001\u007f', '\\u0000', 'é e\u0301', '名前 😀', '\u2028\u2029\ufeff\uffff'],
        hostile: ['</script>', "'; DROP TABLE entries; --", '$1', '%s', '{}', 'null', '1 2 3'],
        rest: [null, true, false, [], {}, [[{ '': { ' ': [], 'a.b': 1, $set: 2, length: 3 } }]]],
        ...JSON.parse('{"__proto__": {"toString": 1}, "constructor": 2}'),
      }
      await committed(store, { key: 'a', value }, { key: 'b', value: {} })
      checkSame((await present(store, 'a')).value, value)
      checkSame((await present(store, 'b')).value, {})
      checkSame((await store.list(EVERYTHING))[0]?.value ?? null, value)
    })

    proves('a value that is nested a hundred deep comes back', async (store) => {
      let value: JsonObject = { end: [] }
      for (let depth = 1; depth < 100; depth++) value = depth % 2 ? { list: [value] } : { value }
      await committed(store, { key: 'a', value })
      checkSame((await present(store, 'a')).value, value)
    })

    proves('a value that JSON cannot carry everywhere is refused', async (store) => {
      const circle: Record<string, unknown> = {}
      circle['circle'] = circle
      const unfit: readonly object[] = [
        { text: 'a\0' },
        { list: ['\\\0'] },
        { 'a\0': 1 },
        { text: '\ud83d' },
        { '\ude00': 1 },
        { number: 1n },
        circle,
        [],
      ]
      for (const value of unfit) {
        const writes = [
          { key: 'good', value: {} },
          { key: 'a', value: value as JsonObject },
        ]
        await checkRejects(store.commit(writes), 'invalid-option')
      }
      checkSame(await store.list(EVERYTHING), [])
    })

    proves('changing an object after it was committed changes nothing', async (store) => {
      const value = { list: [1] }
      const promise = store.commit([{ key: 'a', value }])
      value.list.push(2)
      await promise
      value.list.push(3)
      checkSame((await present(store, 'a')).value, { list: [1] })
    })

    proves('changing an object that was read changes nothing', async (store) => {
      await committed(store, { key: 'a', value: { list: [1] } })
      for (const read of [() => present(store, 'a'), async () => (await store.list(EVERYTHING))[0]]) {
        const list = (await read())?.value['list']
        check(Array.isArray(list), 'a list')
        list.push(2)
      }
      checkSame((await present(store, 'a')).value, { list: [1] })
      checkSame((await store.list(EVERYTHING))[0]?.value ?? null, { list: [1] })
    })
  })

  describe('store: keys', () => {
    proves('keys that look alike are different keys', async (store) => {
      const keys = [
        'a',
        'A',
        'a ',
        ' a',
        'á',
        'a\u0301',
        "a'",
        'a"',
        'a`',
        'a%',
        'a_',
        'a*',
        'a?',
        'a\\',
        'a/',
      ]
      keys.push('a\n', 'a\u0001', 'a\u007f', '😀', '\ufeffa', 'null', '0', '00', 'é'.repeat(256))
      await committed(store, ...keys.map((key) => ({ key, value: { key } })))
      for (const key of keys) checkSame((await present(store, key)).value, { key })
      check((await store.list(EVERYTHING)).length === keys.length, `${keys.length} entries`)
    })

    for (const [name, key] of Object.entries({
      'an empty key': '',
      'a key with U+0000': 'a\0b',
      'a key with half a surrogate pair': 'a\ud83d',
      'a key of 513 bytes': `${'é'.repeat(256)}a`,
    })) {
      proves(`${name} is refused`, async (store) => {
        await checkRejects(store.get(key), 'invalid-option')
        const writes = [
          { key: 'good', value: {} },
          { key, value: {} },
        ]
        await checkRejects(store.commit(writes), 'invalid-option')
        check((await store.get('good')) === null, 'nothing of the refused commit')
      })
    }
  })
}
