import type { JsonObject } from '../lib/json.ts'
import { keys, type Lane } from '../stores/keys.ts'
import type { Entry, Write } from '../stores/store.ts'

/**
 * Something that was promised to happen later: a row that is written in the same commit as the state it follows from,
 * and stays until it is done. Rows are ordered by when they are due; who works on one moves it into the future, so that
 * it is due again by itself when its worker dies.
 */
export interface Job {
  /** Names the promise, such as `reconcile:pay_…`: one promise, one row. */
  readonly id: string
  /** Which handler runs it. */
  readonly kind: JobKind
  /** What the handler needs. */
  readonly data: JsonObject
  /** How often it was tried. */
  readonly attempts: number
  /** Why the last attempt failed; for operators. */
  readonly lastError: string | null
}

/** Kinds of jobs. */
export type JobKind =
  | 'reconcile'
  | 'confirm'
  | 'event'
  | 'webhook'
  | 'vault-expiring'
  | 'vault-expire'
  | 'vault-blob'

/** A job as it stands in the outbox. */
export interface QueuedJob {
  readonly job: Job
  readonly entry: Entry
}

/** The promise to find out what became of a payment; with `deferred`, to settle it when the chain does not know it. */
export function reconcileJob(payment: string, deferred?: JsonObject): Pick<Job, 'id' | 'kind' | 'data'> {
  return { id: `reconcile:${payment}`, kind: 'reconcile', data: { payment, ...(deferred && { deferred }) } }
}

/** The promise to look whether a settled payment is there to stay. */
export function confirmJob(payment: string): Pick<Job, 'id' | 'kind' | 'data'> {
  return { id: `confirm:${payment}`, kind: 'confirm', data: { payment } }
}

/** The row of a job that is due at an instant (epoch milliseconds). */
export function enqueue(job: Pick<Job, 'id' | 'kind' | 'data'>, dueAt: number): Write {
  return put({ ...job, attempts: 0, lastError: null }, dueAt)
}

/** Takes back a promise of the `own` lane that was kept otherwise. Does nothing when the row has moved: its worker will see. */
export function dequeue(id: string, dueAt: number): Write {
  return { key: keys.due('own', dueAt, id), value: null }
}

/** Moves a job to another time; only the one who read this very row can. */
export function reschedule({ entry }: QueuedJob, job: Job, dueAt: number): readonly Write[] {
  const row = put(job, dueAt)
  const condition = { version: entry.version }
  if (row.key === entry.key) return [{ ...row, if: condition }]
  return [{ key: entry.key, value: null, if: condition }, row]
}

/** Ends a job. */
export function complete({ entry }: QueuedJob): readonly Write[] {
  return [{ key: entry.key, value: null, if: { version: entry.version } }]
}

/** Gives a job up: it stays as a dead letter, for an operator to look at and to revive. */
export function bury({ entry }: QueuedJob, job: Job): readonly Write[] {
  return [
    { key: entry.key, value: null, if: { version: entry.version } },
    { key: keys.dead(job.id), value: toJson(job) },
  ]
}

/** Reads a row of the outbox. */
export function queuedJob(entry: Entry): QueuedJob {
  return { job: entry.value as unknown as Job, entry }
}

const FIRST_DELAY_MS = 2000
const LONGEST_DELAY_MS = 3_600_000

/**
 * When to try again: after 2 s, 4 s, 8 s … at most an hour, each shortened by up to a half at random, so that what
 * failed together does not come back together.
 *
 * @param attempts - How often it was tried.
 * @param random - A number from 0 to 1.
 */
export function backoffMs(attempts: number, random: number): number {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_DELAY_MS)
  return Math.round(delay * (1 - random / 2))
}

const laneOf = (kind: JobKind): Lane => (kind === 'webhook' ? 'foreign' : 'own')

function put(job: Job, dueAt: number): Write {
  return { key: keys.due(laneOf(job.kind), dueAt, job.id), value: toJson(job) }
}

const toJson = (job: Job): JsonObject => job as unknown as JsonObject
