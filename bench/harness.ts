/** One implementation of a job. */
export interface Contender {
  readonly name: string
  /** What it does besides the job, or leaves out: without it the numbers cannot be read fairly. */
  readonly note?: string
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

/** What a contender needs for one run, in microseconds of wall time. */
export interface Measurement {
  readonly contender: Contender
  /** Of the rounds. */
  readonly median: number
  readonly min: number
  readonly max: number
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
    const times = Math.max(1, Math.round(effort.roundMs / (await warmUp(job, effort.warmUpMs))))
    entries.push({ contender, job, times, samples: [] as number[] })
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const { job, times, samples } of entries) samples.push((await time(job, times)) / times)
    entries.reverse()
  }
  if (effort.rounds % 2 === 1) entries.reverse()
  return entries.map(({ contender, samples }) => {
    const sorted = samples.map((ms) => ms * 1000).sort((a, b) => a - b)
    const at = (index: number): number => sorted[index] ?? Number.NaN
    return { contender, median: at(sorted.length >> 1), min: at(0), max: at(sorted.length - 1) }
  })
}

/** Runs a job for so long. Returns milliseconds per run in the second half, when it has been compiled. */
async function warmUp(job: Job, ms: number): Promise<number> {
  const half = async (): Promise<number> => {
    const start = performance.now()
    let times = 0
    while (times === 0 || performance.now() - start < ms / 2) {
      await job()
      times++
    }
    return (performance.now() - start) / times
  }
  await half()
  return half()
}

async function time(job: Job, times: number): Promise<number> {
  const start = performance.now()
  for (let at = 0; at < times; at++) await job()
  return performance.now() - start
}
