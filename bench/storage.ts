import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Store } from 'coffer'
import { memory } from 'coffer/memory'
import { postgres } from 'coffer/postgres'
import { redis } from 'coffer/redis'
import { sqlite } from 'coffer/sqlite'
import { createClient } from 'redis'
import { denoCommand } from '../test/runtimes/deno.ts'
import { installRuntime } from '../test/runtimes/install.ts'
import type { Group, Pace } from './group.ts'
import { openSchema } from './postgres.ts'
import { digits, formatTable } from './report.ts'
import { JOBS, type StorageTimes, timeStore } from './storage-jobs.ts'

/** An engine that is measured: `null` where it does not answer. */
interface Engine {
  readonly name: string
  measure(roundMs: number): Promise<StorageTimes | null>
}

const ENGINES: readonly Engine[] = [
  { name: 'memory', measure: (ms) => timeStore(memory(), ms) },
  { name: 'SQLite, a file', measure: inFolder((folder, ms) => timed(sqlite(join(folder, 'coffer.db')), ms)) },
  { name: 'PGlite, in memory', measure: onPglite },
  { name: 'Postgres, `pg`', measure: onPostgres },
  { name: 'Redis, `redis`', measure: onRedis },
  { name: 'Deno KV, a file', measure: inFolder(onDeno) },
]

const ROUND_MS: Readonly<Record<Pace, number>> = { full: 200, quick: 10, once: 0 }

/** What a store is asked for while money comes in. */
export const storage: Group = {
  name: 'storage',
  run: async (pace) => ({ text: await reportStorage(ROUND_MS[pace]), goals: [] }),
}

/**
 * Times every engine that answers, and writes the section.
 *
 * @param roundMs - How long each of nine rounds of each job lasts.
 */
async function reportStorage(roundMs: number): Promise<string> {
  const rows: string[][] = []
  for (const { name, measure } of ENGINES) {
    console.error(`· storage: ${name}`)
    const times = await measure(roundMs)
    rows.push([name, ...JOBS.map((job) => (times === null ? 'not here' : digits(times[job])))])
  }
  return `## Storage

Microseconds that passed for one call, medians of nine rounds, one after the other, everything on one machine; a contended commit is one
of eight that want the same key at once, with its reads and its tries. SQLite and Postgres have it on the disk when it
resolves; Redis as its server is set up.

${formatTable([['engine', ...JOBS], ...rows], 1)}
`
}

async function timed(store: Store, roundMs: number): Promise<StorageTimes> {
  try {
    return await timeStore(store, roundMs)
  } finally {
    await store.close()
  }
}

function inFolder(measure: (folder: string, roundMs: number) => Promise<StorageTimes>): Engine['measure'] {
  return async (roundMs) => {
    const folder = mkdtempSync(join(tmpdir(), 'coffer-bench-'))
    try {
      return await measure(folder, roundMs)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
}

async function onPglite(roundMs: number): Promise<StorageTimes> {
  const db = await PGlite.create()
  try {
    return await timed(postgres(db), roundMs)
  } finally {
    await db.close()
  }
}

async function onPostgres(roundMs: number): Promise<StorageTimes | null> {
  const opened = await openSchema()
  if (opened === null) return null
  const { pool, schema, close } = opened
  try {
    return await timed(postgres(pool, { schema }), roundMs)
  } finally {
    await close()
  }
}

async function onRedis(roundMs: number): Promise<StorageTimes | null> {
  const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
  const client = createClient({ url, socket: { reconnectStrategy: false } }).on('error', () => {})
  if ((await client.connect().catch(() => null)) === null) return null
  const prefix = `bench-${crypto.randomUUID()}`
  try {
    return await timed(redis(client, { prefix, requireAppendOnly: false }), roundMs)
  } finally {
    await client.del(['entries', 'order', 'expiring'].map((part) => `{${prefix}}:${part}`))
    await client.close()
  }
}

async function onDeno(folder: string, roundMs: number): Promise<StorageTimes> {
  const script = join(import.meta.dirname, 'storage-deno.ts')
  const child = fork(
    script,
    [join(folder, 'coffer.kv'), String(roundMs)],
    denoCommand(await installRuntime('deno')),
  )
  const [times] = await once(child, 'message')
  child.kill()
  return times as StorageTimes
}
