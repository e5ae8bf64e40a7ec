import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { NOW } from '../vaults/world.ts'
import type { Had } from './event-subscribers-process.ts'
import { serveVaults } from './vault-server.ts'

/** How much is written, by how many processes at once, for how many streams. */
export interface EventLoad {
  readonly events: number
  readonly writers: number
  readonly subscribers: number
}

/** What came of it. */
export interface EventLoadOutcome {
  /** What each stream had; the seal is one event more. */
  readonly had: readonly Had[]
  /** From the first append until the last stream ended. */
  readonly seconds: number
  /** Bytes that the server took in memory besides what it had, at most. */
  readonly growth: number
}

/**
 * Writers in processes of their own, subscribers in another, and in this one a server that knows of new events only from the
 * SQLite file that it shares with the writers.
 */
export async function runEventLoad({ events, writers, subscribers }: EventLoad): Promise<EventLoadOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-event-load-'))
  const file = join(folder, 'coffer.db')
  const server = await serveVaults({
    options: { store: sqlite(file, { clock: () => NOW }), vaults: { blobs: memoryBlobs() } },
  })
  const processes: Process[] = []
  const start = async (script: string, ...args: readonly unknown[]): Promise<Process> => {
    const started = startProcess(script, args)
    processes.push(started)
    await started.says()
    return started
  }
  try {
    const vault = await server.createVault()
    const { token } = await vault.issueAccessToken()
    const url = `${server.url}/vaults/${vault.id}/events`
    const reading = await start('event-subscribers-process.ts', url, token, subscribers)
    for (let n = 0; n < writers; n++) {
      await start('../vaults/event-writer-process.ts', file, vault.id, events / writers)
    }
    const memory = watchMemory()
    const begin = performance.now()
    const had = reading.says()
    had.catch(() => {})
    await Promise.all(
      processes.map((each) => {
        if (each === reading) return null
        each.child.send('go')
        return each.says()
      }),
    )
    await vault.seal()
    return {
      had: (await had) as readonly Had[],
      seconds: (performance.now() - begin) / 1000,
      growth: memory.growth(),
    }
  } finally {
    for (const { child } of processes) child.kill('SIGKILL')
    await server.close()
    rmSync(folder, { recursive: true })
  }
}

/** A process of a script beside this one. */
interface Process {
  readonly child: ChildProcess
  /** What it says next. Rejects when it ends before. */
  says(): Promise<unknown>
}

function startProcess(script: string, args: readonly unknown[]): Process {
  const child = fork(join(import.meta.dirname, script), args.map(String), { execArgv: [] })
  return {
    child,
    async says() {
      const said = once(child, 'message')
      // Not `exit`, which may come before what it has said.
      const ended = once(child, 'disconnect').then(() => {
        throw new Error(`${script} has ended`)
      })
      return (await Promise.race([said, ended]))[0]
    },
  }
}

/** Says by how much memory has grown at most since it was called. */
function watchMemory(): { growth(): number } {
  const before = process.memoryUsage().rss
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 50)
  return {
    growth() {
      clearInterval(watch)
      return most - before
    },
  }
}
