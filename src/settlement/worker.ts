import type { Notifier } from '../hooks/notifier.ts'
import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import { storable } from '../lib/storable.ts'
import { CofferError } from '../problems/error.ts'
import { dueUntil, type Lane } from '../stores/keys.ts'
import type { Store, Write } from '../stores/store.ts'
import { createLoop } from './loop.ts'
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

/**
 * What an attempt at a job brought about. A function is asked again when a condition of its writes did not hold: for outcomes
 * that must not get lost, since the next attempt may not find them.
 */
export type Outcome = readonly Write[] | (() => Promise<readonly Write[]>)

/** How an attempt at a job ended. All of it is one commit, so that the outcome and the row agree. */
export type Attempt =
  /** Done. */
  | { readonly ended: 'done'; readonly writes?: Outcome }
  /** To be tried again: at `dueAt`, or after the usual delay. Given up after `maxAttempts`. */
  | {
      readonly ended: 'later'
      readonly error: string
      readonly dueAt?: number
      readonly maxAttempts?: number
      readonly writes?: Outcome
    }
  /** Given up: goes to the dead letters. */
  | { readonly ended: 'dead'; readonly error: string; readonly writes?: Outcome }

/** Runs the jobs of one kind. What it throws counts as `later`. */
export type JobHandler = (job: Job) => Promise<Attempt>

/** Runs what is due in the outbox. */
export interface Worker {
  /** Runs due jobs once, at most 100 a lane. Returns how many it ran. Call it from a timer where no process stays alive. */
  tick(): Promise<number>
  /** Works until {@link stop}: at once while there is work, else again after a second. Keeps no process alive. */
  start(): void
  /** Stops; resolves when the jobs under way have ended. */
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
  readonly notifier: Notifier
}

const BATCH = 100
const CONCURRENCY = 8
const LANES: readonly Lane[] = ['own', 'foreign']
const MAX_ATTEMPTS = 30

/** Longest error that is kept, characters. */
const MAX_ERROR = 1000

/** How often an outcome is written anew when what it is about changes in the same moment. */
const TRIES = 10

/** Makes the worker of an outbox. Any number of them may share a store. */
export function createWorker(options: WorkerOptions): Worker {
  const { store, clock, random, handlers, leaseMs, onError, notifier } = options

  async function runDue(lane: Lane): Promise<number> {
    const due = (await store.list(dueUntil(lane, clock()), { limit: BATCH })).map(queuedJob)
    let ran = 0
    const workOff = async (): Promise<void> => {
      for (let queued = due.shift(); queued; queued = due.shift()) if (await run(queued)) ran++
    }
    const ends = await Promise.allSettled(Array.from({ length: CONCURRENCY }, workOff))
    // Thrown when all have ended, so that nothing is under way any more when this round is over.
    for (const end of ends) if (end.status === 'rejected') throw end.reason
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
    // What the job was about changed meanwhile: look again soon.
    if (!(await end(held, job, attempt)))
      await store.commit(reschedule(held, job, clock() + backoffMs(1, chance())))
    return true
  }

  async function end(held: QueuedJob, job: Job, attempt: Attempt): Promise<boolean> {
    const { writes = [] } = attempt
    for (let tries = typeof writes === 'function' ? TRIES : 1; tries > 0; tries--) {
      const outcome = typeof writes === 'function' ? await writes() : writes
      try {
        if ((await store.commit([...rowAfter(held, job, attempt), ...outcome])) !== null) return true
      } catch (error) {
        // What no store would ever take counts as an attempt. Where the store itself is away, the lease brings the job back.
        if (!(error instanceof CofferError && error.code === 'invalid-option')) throw error
        const failed = { ended: 'later', error: error.message } as const
        return (await store.commit(rowAfter(held, job, failed))) !== null
      }
    }
    return false
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
    const failed: Job = { ...job, lastError: storable(attempt.error, MAX_ERROR) }
    if (attempt.ended === 'dead' || job.attempts >= (attempt.maxAttempts ?? MAX_ATTEMPTS)) {
      const { id, kind, attempts, lastError } = failed
      const facts = () => ({ job: { id, kind, attempts, error: lastError } })
      // What a handler gives up by itself, it tells by itself.
      return [
        ...bury(held, failed),
        ...(attempt.ended === 'dead' ? [] : notifier.afterCommit('job.dead', facts)),
      ]
    }
    return reschedule(held, failed, attempt.dueAt ?? clock() + backoffMs(job.attempts, chance()))
  }

  function chance(): number {
    return (random(1)[0] ?? 0) / 256
  }

  const loops = LANES.map((lane) => createLoop(() => runDue(lane), onError))
  return {
    async tick() {
      const [own = 0, foreign = 0] = await Promise.all(LANES.map(runDue))
      return own + foreign
    },
    start() {
      for (const loop of loops) loop.start()
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}
