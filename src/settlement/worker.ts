import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import { dueUntil } from '../stores/keys.ts'
import type { Store, Write } from '../stores/store.ts'
import {
  backoffMs,
  bury,
  complete,
  type Job,
  type JobKind,
  type QueuedJob,
  queuedJob,
  reschedule,
} from './outbox.ts'

/** How an attempt at a job ended. All of it is one commit, so that the outcome and the row agree. */
export type Attempt =
  /** Done. `writes`: what the job brought about. */
  | { readonly ended: 'done'; readonly writes?: readonly Write[] }
  /** To be tried again: at `dueAt`, or after the usual delay. Given up after `maxAttempts`. */
  | {
      readonly ended: 'later'
      readonly error: string
      readonly dueAt?: number
      readonly maxAttempts?: number
      readonly writes?: readonly Write[]
    }
  /** Given up: goes to the dead letters. */
  | { readonly ended: 'dead'; readonly error: string; readonly writes?: readonly Write[] }

/** Runs the jobs of one kind. What it throws counts as `later`. */
export type JobHandler = (job: Job) => Promise<Attempt>

/** Runs what is due in the outbox. */
export interface Worker {
  /** Runs due jobs once, at most 100. Returns how many it ran. Call it from a timer where no process stays alive. */
  tick(): Promise<number>
  /** Ticks until {@link stop}, again at once while there is work, else after a second. Does not keep a process alive. */
  start(): void
  /** Stops ticking; resolves when the jobs under way have ended. */
  stop(): Promise<void>
}

/** What a {@link Worker} stands on. */
export interface WorkerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly handlers: Readonly<Partial<Record<JobKind, JobHandler>>>
  /** How long one attempt may take before the job is due again, milliseconds. */
  readonly leaseMs: number
  /** Told of failures of the store while the worker runs by itself. */
  readonly onError: (error: unknown) => void
}

const BATCH = 100
const CONCURRENCY = 8
const IDLE_MS = 1000
const MAX_ATTEMPTS = 30

/** Makes the worker of an outbox. Any number of them may share a store. */
export function createWorker({ store, clock, random, handlers, leaseMs, onError }: WorkerOptions): Worker {
  let running: Promise<void> | null = null
  let wake = (): void => {}
  let stopped = true

  async function tick(): Promise<number> {
    const due = (await store.list(dueUntil(clock()), { limit: BATCH })).map(queuedJob)
    let ran = 0
    const workOff = async (): Promise<void> => {
      for (let queued = due.shift(); queued; queued = due.shift()) if (await run(queued)) ran++
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, workOff))
    return ran
  }

  /** Runs one job, unless somebody else is faster. */
  async function run(queued: QueuedJob): Promise<boolean> {
    const job = { ...queued.job, attempts: queued.job.attempts + 1 }
    const leasedUntil = clock() + leaseMs
    const moved = reschedule(queued, job, leasedUntil)
    const version = await store.commit(moved)
    const key = moved.at(-1)?.key
    if (version === null || key === undefined) return false
    const held: QueuedJob = { job, entry: { ...queued.entry, key, version } }
    const attempt = await attemptJob(job)
    const ended = await store.commit([...rowAfter(held, job, attempt), ...(attempt.writes ?? [])])
    // What the job was about changed meanwhile: look again soon.
    if (ended === null) await store.commit(reschedule(held, job, clock() + backoffMs(1, chance())))
    return true
  }

  async function attemptJob(job: Job): Promise<Attempt> {
    const handler = handlers[job.kind]
    if (handler === undefined) return { ended: 'later', error: `no handler for ${job.kind}` }
    try {
      return await handler(job)
    } catch (error) {
      return { ended: 'later', error: error instanceof Error ? error.message : String(error) }
    }
  }

  function rowAfter(held: QueuedJob, job: Job, attempt: Attempt): readonly Write[] {
    if (attempt.ended === 'done') return complete(held)
    const failed: Job = { ...job, lastError: attempt.error }
    if (attempt.ended === 'dead' || job.attempts >= (attempt.maxAttempts ?? MAX_ATTEMPTS))
      return bury(held, failed)
    return reschedule(held, failed, attempt.dueAt ?? clock() + backoffMs(job.attempts, chance()))
  }

  function chance(): number {
    return (random(1)[0] ?? 0) / 256
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      const ran = await tick().catch((error: unknown) => {
        onError(error)
        return 0
      })
      if (ran === 0 && !stopped) await idle()
    }
  }

  function idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, IDLE_MS)
      // Node keeps a process alive for its timers; elsewhere a timer is a number and does not.
      if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    tick,
    start() {
      if (!stopped) return
      stopped = false
      running = loop()
    },
    async stop() {
      stopped = true
      wake()
      await running
      running = null
    },
  }
}
