import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '../../src/stores/store.ts'

/** How many keys are claimed, how many steps are counted, and how many entries a group has beside `last`. */
export const KEYS = 200
export const CALLERS = 50
export const STEPS = 100
export const PARTS = 10

/** What a process does with a store that others work on. */
export const tasks: Record<string, (store: Store) => Promise<unknown>> = {
  /** Reads once, and no more. */
  async open(store) {
    await store.get('a')
    return 'opened'
  },

  /** Claims every key that nobody has; answers with those it got. */
  async claim(store) {
    const won: string[] = []
    for (let n = 0; n < KEYS; n++) {
      const key = `claim/${n}`
      const version = await store.commit([{ key, value: { pid: process.pid }, if: 'absent' }])
      if (version !== null) won.push(key)
    }
    return won
  },

  /** Many callers want one key, each when it pleases; answers with those who got it. */
  async rush(store) {
    const callers = Array.from({ length: CALLERS }, (_, n) => `${process.pid}/${n}`)
    const won = await Promise.all(
      callers.map(async (caller) => {
        if ((await store.get('rush')) !== null) return []
        await sleep(5 * Math.random())
        const version = await store.commit([{ key: 'rush', value: { caller }, if: 'absent' }])
        return version === null ? [] : [caller]
      }),
    )
    return won.flat()
  },

  /** Claims as a payment does, tells, and never settles. */
  async hold(store) {
    const value = { by: process.pid }
    const keys = ['payment', 'proof', 'due']
    await store.commit(keys.map((key) => ({ key, value, if: 'absent' as const })))
    process.send?.('held')
    await sleep(3_600_000)
  },

  /** Takes over what one process has claimed, unless another has; answers whether it did. */
  async takeOver(store) {
    const claim = await store.get('payment')
    if (claim === null || 'next' in claim.value) return false
    const value = { ...claim.value, next: process.pid }
    const version = await store.commit([
      { key: 'payment', value, if: { version: claim.version } },
      { key: 'due', value: null },
    ])
    return version !== null
  },

  /** Adds to one number, step by step. */
  async count(store) {
    for (let steps = 0; steps < STEPS; ) if (await step(store)) steps++
    return STEPS
  },

  /** Commits groups of entries, tells of each, and never ends. */
  async write(store) {
    const last = await store.get('last')
    for (let n = last === null ? 0 : Number(last.value['n']) + 1; ; n++) {
      const parts = Array.from({ length: PARTS }, (_, part) => ({ key: `group/${n}/${part}`, value: { n } }))
      await store.commit([...parts, { key: 'last', value: { n } }])
      process.send?.(n)
    }
  },
}

async function step(store: Store): Promise<boolean> {
  const entry = await store.get('count')
  const value = { n: Number(entry?.value['n'] ?? 0) + 1 }
  const write = { key: 'count', value, if: entry === null ? ('absent' as const) : { version: entry.version } }
  return (await store.commit([write])) !== null
}
