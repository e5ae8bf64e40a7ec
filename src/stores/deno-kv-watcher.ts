import { within } from '../lib/deadline.ts'
import { CofferError } from '../problems/error.ts'
import type { DenoKv, DenoKvEntry, DenoKvKey } from './deno-kv-client.ts'
import type { Topics } from './topics.ts'

/** What a watched key holds. */
export interface Wakes {
  /** How many wake-ups there were. */
  readonly count: number
  /** The topics of the last of them. */
  readonly latest: readonly string[]
}

/** What notices changes of the keys. */
export interface Watcher {
  /** Resolves when changes are noticed, from then on until the end. */
  start(): Promise<void>
  close(): Promise<void>
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

/** Watches the keys, and wakes whoever a change of them is for. */
export function createWatcher(kv: DenoKv, keys: readonly DenoKvKey[], topics: Topics): Watcher {
  /** How many wake-ups of each key were seen. */
  const seen = new Map<number, number>()
  const closing = Promise.withResolvers<void>()
  let closed = false
  let watching: Promise<void> | null = null
  let reader: ReadableStreamDefaultReader<readonly DenoKvEntry[]> | null = null

  function notice(entry: DenoKvEntry, slot: number): void {
    const { count, latest } = wakesOf(entry)
    const news = count - (seen.get(slot) ?? count)
    seen.set(slot, count)
    if (news === 0) return
    if (news < 0 || news > latest.length) topics.wakeAll()
    else for (const topic of new Set(latest.slice(-news))) topics.wake(topic)
  }

  /** Reads one watch to its end, which it has when the database is closed. */
  async function follow(onAnswer: () => void): Promise<void> {
    reader = kv.watch(keys).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      if (!closed) value.forEach(notice)
      onAnswer()
    }
  }

  /** Watches until the end, and anew when a watch fails that has begun. What was missed is found by the counts. */
  async function watch(onStart: () => void): Promise<void> {
    let started = false
    for (let pauseMs = FIRST_PAUSE_MS; !closed; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await follow(() => {
          started = true
          pauseMs = FIRST_PAUSE_MS
          onStart()
        })
      } catch (error) {
        if (!started || isClosed(error)) throw error
        await within(pauseMs, closing.promise)
      }
    }
  }

  return {
    start(): Promise<void> {
      if (watching !== null) return watching
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const end = (reason: unknown): void => {
        watching = null
        reject(reason)
      }
      watching = promise
      watch(resolve).then(() => end(new CofferError('store-failed', 'the database is closed')), end)
      return promise
    },
    async close(): Promise<void> {
      closed = true
      closing.resolve()
      await reader?.cancel().catch(() => {})
    },
  }
}

/** Reads a watched key, which may be new. */
export function wakesOf(entry: DenoKvEntry | undefined): Wakes {
  const stored = entry?.value
  return isWakes(stored) ? stored : { count: 0, latest: [] }
}

function isWakes(stored: unknown): stored is Wakes {
  if (typeof stored !== 'object' || stored === null) return false
  return (
    'count' in stored &&
    typeof stored.count === 'number' &&
    'latest' in stored &&
    Array.isArray(stored.latest)
  )
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && error.name === 'BadResource'
}
