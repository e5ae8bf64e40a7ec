import { type Spread, spreadOf } from './spread.ts'
import { takeTurns } from './turns.ts'

/** One implementation of a job. */
export interface Contender {
  readonly name: string
  /** What it does besides the job, or leaves out: without it the numbers cannot be read fairly. */
  readonly note?: string
  /** How many times as long as Coffer it is to take; `null` where nothing is aimed at. Default 1. */
  readonly target?: number | null
  /** Prepares whatever is not measured; the returned function does the job once and says how it came out. */
  prepare(input: string): Job | Promise<Job>
}

/** A job done once: its verdict, such as `402` or the address that signed. */
export type Job = () => string | Promise<string>

/** An input of a job, and the verdict that every contender has to come to. */
export interface Case {
  readonly input: string
  readonly verdict: string
}

/** A job and all who do it. */
export interface Comparison {
  readonly title: string
  /** Ours comes first: ratios are to it. */
  readonly contenders: readonly Contender[]
  /** The first is measured; the others only show that everybody looks. */
  readonly cases: readonly [Case, ...Case[]]
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number
  /** Milliseconds that each contender runs in each round. */
  readonly roundMs: number
  /** Milliseconds that each contender runs before the first round. */
  readonly warmUpMs: number
}

/** What a contender needs for one run, in microseconds. */
export interface Measurement {
  readonly contender: Contender
  /** Processor time of this thread: what a server can save, and the same on a busy machine. */
  readonly cpu: Spread
  /** Times the processor time of Coffer in the same round: machines have fast and slow minutes. */
  readonly ratio: Spread
  /** Time that passed, with what others took of the processor and with waiting for a chain. */
  readonly elapsed: Spread
}

/**
 * Has every contender do every case.
 *
 * @throws Error when one of them comes to another verdict: then it does another job, and its time says nothing.
 */
export async function prove({ title, contenders, cases }: Comparison): Promise<void> {
  for (const { name, prepare } of contenders) {
    for (const { input, verdict } of cases) {
      const got = await (await prepare(input))()
      if (got !== verdict) throw new Error(`${title}: ${name} says ${got}, not ${verdict}`)
    }
  }
}

/** Times the contenders side by side, in rounds whose order alternates, so that what drifts hits all of them. */
export async function measure({ contenders, cases }: Comparison, effort: Effort): Promise<Measurement[]> {
  const entries = []
  for (const contender of contenders) {
    const job = await contender.prepare(cases[0].input)
    await run(job, effort.warmUpMs / 2, 1)
    const { elapsed } = await run(job, effort.warmUpMs / 2, 1)
    // So many at once that looking at the clock costs nothing, and so few that a round ends in time.
    const batch = Math.max(1, Math.floor((effort.roundMs * 1000) / elapsed / 20))
    entries.push({ contender, job, batch, samples: [] as Sample[] })
  }
  await takeTurns(entries, effort.rounds, async ({ job, batch, samples }) => {
    samples.push(await run(job, effort.roundMs, batch))
  })
  const ours = entries[0]?.samples ?? []
  return entries.map(({ contender, samples }) => ({
    contender,
    cpu: spreadOf(samples.map(({ cpu }) => cpu)),
    ratio: spreadOf(samples.map(({ cpu }, round) => cpu / (ours[round]?.cpu ?? Number.NaN))),
    elapsed: spreadOf(samples.map(({ elapsed }) => elapsed)),
  }))
}

/** Microseconds for one run, on average over a round. */
interface Sample {
  readonly cpu: number
  readonly elapsed: number
}

/** Runs a job for so many milliseconds, in batches. */
async function run(job: Job, ms: number, batch: number): Promise<Sample> {
  const start = performance.now()
  const used = process.threadCpuUsage()
  let times = 0
  do {
    for (let at = 0; at < batch; at++) await job()
    times += batch
  } while (performance.now() - start < ms)
  const { user, system } = process.threadCpuUsage(used)
  return { cpu: (user + system) / times, elapsed: ((performance.now() - start) * 1000) / times }
}
