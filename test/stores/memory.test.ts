import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { storeContract } from '../../src/testing/store-contract.ts'

storeContract({ describe, it }, (clock) => memory({ clock }))

describe('memory', () => {
  it('is bounded when every entry expires: later commits free the earlier ones', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    let now = 0
    const store = memory({ clock: () => now })
    const before = used()
    for (let n = 0; n < 500; n++, now += 1000) {
      // Keys in no order, and a key that stays, as claims are.
      const key = `${(n * 7919) % 500}`
      const text = String(n % 10).repeat(300_000)
      await store.commit([
        { key: `temporary/${key}`, value: { text }, expiresAt: now + 1000 },
        { key: `kept/${key}`, value: {} },
      ])
    }
    expect(used() - before).toBeLessThan(50_000_000)
    await store.close()
  })

  it('refuses an option that it does not have', () => {
    const misspelt = { clok: () => 0 }
    expect(() => memory(misspelt as object)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  it('shares nothing with another', async () => {
    const [one, other] = [memory(), memory()]
    await one.commit([{ key: 'a', value: {} }])
    expect(await other.get('a')).toBeNull()
    await one.close()
    expect(await other.commit([{ key: 'a', value: {}, if: 'absent' }])).not.toBeNull()
    await other.close()
  })
})
