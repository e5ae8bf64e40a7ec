import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { sqlite } from '../../src/stores/sqlite.ts'
import { createWorld } from './world.ts'

const WRITERS = 3
const EVENTS = 100

const folder = mkdtempSync(join(tmpdir(), 'coffer-event-processes-'))
const children: ChildProcess[] = []

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

it(`${WRITERS} processes that emit at once: a reader gets every event once, and numbers have no gaps`, async () => {
  const file = join(folder, 'coffer.db')
  const store = sqlite(file, { clock: () => 0 })
  const vault = await createWorld({ store }).vaults.create()
  for (let n = 0; n < WRITERS; n++) {
    const script = join(import.meta.dirname, 'event-writer-process.ts')
    children.push(fork(script, [file, vault.id, String(EVENTS)], { execArgv: [] }))
  }
  await Promise.all(children.map((child) => once(child, 'message')))
  const answers = children.map((child) => once(child, 'message'))
  for (const child of children) child.send('go')

  const read: string[] = []
  for await (const { eventId } of vault.events()) {
    read.push(eventId)
    if (read.length === WRITERS * EVENTS) break
  }
  const emitted = (await Promise.all(answers)).flatMap(([ids]) => ids as string[])
  expect(read).toEqual(emitted.toSorted())
  expect(read.map((id) => Number(id.slice(-12)))).toEqual(read.map((_, n) => n + 1))
  expect((await vault.info()).events).toBe(WRITERS * EVENTS)
  await store.close()
})
