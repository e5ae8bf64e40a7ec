import { expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { scan } from '../../src/stores/scan.ts'
import { prefixRange } from '../../src/stores/store.ts'

it.each([0, 1, 3, 4, 6, 7])('a scan has all of %i entries once, in order', async (count) => {
  const store = memory()
  const keys = Array.from({ length: count }, (_, n) => `a/${n}`)
  await store.commit([...keys, 'b/1'].map((key) => ({ key, value: {} })))
  const found: string[] = []
  for await (const { key } of scan(store, prefixRange('a/'), 3)) found.push(key)
  expect(found).toEqual(keys)
})
