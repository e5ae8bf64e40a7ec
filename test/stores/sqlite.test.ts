import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { sqlite } from '../../src/stores/sqlite.ts'
import { prefixRange } from '../../src/stores/store.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { proveProcesses } from './processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-sqlite-'))
const children: ChildProcess[] = []
let files = 0

const newFile = (): string => join(folder, `${++files}.db`)

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('in a file', () => {
  storeContract({ describe, it }, (clock) => sqlite(newFile(), { clock }))
})

describe('in memory', () => {
  storeContract({ describe, it }, (clock) => sqlite(':memory:', { clock }))
})

describe('a file', () => {
  it('keeps entries, versions and expiries when it is opened again', async () => {
    const file = newFile()
    let now = 1000
    const clock = () => now
    const before = sqlite(file, { clock })
    const version = await before.commit([
      { key: 'a', value: { n: 1 } },
      { key: 'b', value: { n: 2 }, expiresAt: 2000 },
    ])
    await before.close()
    const after = sqlite(file, { clock })
    expect(await after.get('a')).toEqual({ key: 'a', value: { n: 1 }, version })
    expect(await after.get('b')).toEqual({ key: 'b', value: { n: 2 }, version })
    now = 2000
    expect(await after.get('b')).toBeNull()
    await after.close()
  })

  it('never gives a version again, not even to a new key in a file that was emptied and opened again', async () => {
    const file = newFile()
    const versions = new Set<string | null>()
    for (let round = 0; round < 3; round++) {
      const store = sqlite(file)
      versions.add(await store.commit([{ key: 'a', value: {}, if: 'absent' }]))
      await store.commit([{ key: 'a', value: null }])
      await store.close()
    }
    expect(versions).toHaveLength(3)
    expect(versions).not.toContain(null)
  })

  it('frees the rows of expired entries by and by', async () => {
    const file = newFile()
    let now = 0
    const store = sqlite(file, { clock: () => now })
    for (let n = 0; n < 100; n++) await store.commit([{ key: `k/${n}`, value: {}, expiresAt: 1000 }])
    const db = new DatabaseSync(file)
    const rows = () => db.prepare('SELECT count(*) AS rows FROM entries').get()?.['rows']
    expect(rows()).toBe(100)
    now = 1000
    await store.commit([{ key: 'other', value: {} }])
    expect(rows()).toBe(100 - 8 + 1)
    for (let n = 0; n < 12; n++) await store.commit([{ key: 'other', value: {} }])
    expect(rows()).toBe(1)
    db.close()
    await store.close()
  })

  it('of a newer Coffer is refused by name, and left as it was', async () => {
    const file = newFile()
    await sqlite(file).close()
    execute(file, 'PRAGMA user_version = 2')
    const before = readFileSync(file)
    expect(() => sqlite(file)).toThrow(
      expect.objectContaining({ code: 'store-failed', message: expect.stringContaining('newer Coffer') }),
    )
    expect(readFileSync(file)).toEqual(before)
  })

  it('of another program is refused, and left as it was', () => {
    const file = newFile()
    execute(file, 'CREATE TABLE users (id)')
    const before = readFileSync(file)
    expect(() => sqlite(file)).toThrow(
      expect.objectContaining({ code: 'store-failed', message: expect.stringContaining('another program') }),
    )
    expect(readFileSync(file)).toEqual(before)
  })

  it('that cannot be opened is a store failure with its cause', () => {
    const text = newFile()
    writeFileSync(text, 'not a database, but long enough to be mistaken for one'.repeat(100))
    for (const file of [text, folder, join(folder, 'missing', 'coffer.db')]) {
      expect(() => sqlite(file)).toThrow(
        expect.objectContaining({ code: 'store-failed', cause: expect.any(Error) }),
      )
    }
  })

  it('is not opened with an option that there is not', () => {
    const misspelt = { clok: () => 0 }
    const file = newFile()
    expect(() => sqlite(file, misspelt as object)).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
    expect(existsSync(file)).toBe(false)
  })

  it('needs a name', () => {
    expect(() => sqlite('')).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe('an error of SQLite', () => {
  it('undoes the whole commit, and the next one works', async () => {
    const file = newFile()
    const store = sqlite(file)
    execute(
      file,
      "CREATE TRIGGER no BEFORE INSERT ON entries WHEN NEW.key = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    const writes = ['good', 'bad', 'other'].map((key) => ({ key, value: {} }))
    await expect(store.commit(writes)).rejects.toMatchObject({
      code: 'store-failed',
      cause: expect.any(Error),
    })
    expect(await store.get('good')).toBeNull()
    expect(await store.commit([{ key: 'good', value: {} }])).not.toBeNull()
    await store.close()
  })

  it('is a store failure with its cause, whatever was called', async () => {
    const file = newFile()
    const store = sqlite(file)
    execute(file, 'DROP TABLE entries')
    const failure = { code: 'store-failed', cause: expect.any(Error) }
    await expect(store.get('a')).rejects.toMatchObject(failure)
    await expect(store.list(prefixRange('a'))).rejects.toMatchObject(failure)
    await expect(store.commit([{ key: 'a', value: {} }])).rejects.toMatchObject(failure)
    await store.close()
  })
})

describe('processes on one file', () => {
  proveProcesses({ engine: 'sqlite', newAddress: newFile, open: (file) => sqlite(file) })

  it('one that another keeps waiting for less than the time-out opens and commits', async () => {
    const file = newFile()
    const store = sqlite(file)
    for (const use of [
      async () => store.commit([{ key: 'a', value: {} }]),
      async () => sqlite(file).close(),
    ]) {
      const child = fork(join(import.meta.dirname, 'sqlite-lock.ts'), [file], { execArgv: [] })
      children.push(child)
      await once(child, 'message')
      await expect(use()).resolves.not.toBeNull()
    }
    await store.close()
  })
})

function execute(file: string, sql: string): void {
  const db = new DatabaseSync(file)
  db.exec(sql)
  db.close()
}
