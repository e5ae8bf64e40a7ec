/**
 * A process that works on a store's file: `node sqlite-worker.ts <task> <file>`. It says 'ready', waits for 'go', and
 * answers with its result.
 */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { sqlite } from '../../src/stores/sqlite.ts'
import type { Store } from '../../src/stores/store.ts'

const KEYS = 200
const STEPS = 100
const PARTS = 10

const tasks: Record<string, (file: string) => Promise<unknown>> = {
  /** Claims every key that nobody has; answers with those it got. */
  async claim(file) {
    const store = sqlite(file)
    const won: string[] = []
    for (let n = 0; n < KEYS; n++) {
      const key = `claim/${n}`
      const version = await store.commit([{ key, value: { pid: process.pid }, if: 'absent' }])
      if (version !== null) won.push(key)
    }
    await store.close()
    return won
  },

  /** Opens the file, and no more. */
  async open(file) {
    await sqlite(file).close()
    return 'opened'
  },

  /** Adds to one number, step by step. */
  async count(file) {
    const store = sqlite(file)
    for (let steps = 0; steps < STEPS; ) if (await step(store)) steps++
    await store.close()
    return STEPS
  },

  /** Commits groups of entries, tells of each, and never ends. */
  async write(file) {
    const store = sqlite(file)
    const last = await store.get('last')
    for (let n = last === null ? 0 : Number(last.value['n']) + 1; ; n++) {
      const parts = Array.from({ length: PARTS }, (_, part) => ({ key: `group/${n}/${part}`, value: { n } }))
      await store.commit([...parts, { key: 'last', value: { n } }])
      process.send?.(n)
    }
  },

  /** Holds the file's write lock for a while. */
  async lock(file) {
    const db = new DatabaseSync(file)
    db.exec('BEGIN IMMEDIATE')
    process.send?.('locked')
    await sleep(300)
    db.exec('COMMIT')
    db.close()
  },
}

async function step(store: Store): Promise<boolean> {
  const entry = await store.get('count')
  const value = { n: Number(entry?.value['n'] ?? 0) + 1 }
  const write = { key: 'count', value, if: entry === null ? ('absent' as const) : { version: entry.version } }
  return (await store.commit([write])) !== null
}

const [task = '', file = ''] = process.argv.slice(2)
process.once('message', async () => {
  const result = await tasks[task]?.(file)
  process.send?.({ result }, () => process.disconnect())
})
process.send?.('ready')
