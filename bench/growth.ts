import type { Goal } from './goals.ts'
import type { Group, Pace } from './group.ts'
import { formatGrowth } from './growth-report.ts'
import { buy, makeRows, openSeller, route, type Visit } from './growth-rows.ts'
import { type GrowingStore, growingStores } from './growth-stores.ts'
import { spreadOf } from './spread.ts'
import * as terms from './terms.ts'
import { takeTurns } from './turns.ts'

/** What is timed. */
export const GROWTH_JOBS = ['claim, settle, deliver', 'session hit', 'event append', '50 payments'] as const

/** How an engine does a job. */
export interface GrowthResult {
  readonly engine: string
  readonly job: (typeof GROWTH_JOBS)[number]
  /** Microseconds that passed for one, medians, by the size of the store. */
  readonly times: readonly number[]
  readonly goal: Goal
}

/** How large stores become. */
export interface GrowthEffort {
  readonly rounds: number
  /** How often each job is done in each round. Few, as a store grows by what is measured, too. */
  readonly runs: number
  /** Paid requests, each of which leaves {@link ROWS_EACH} rows; the smallest first. */
  readonly sizes: readonly number[]
}

/** Payment, proof, credential, order by time, session, vault, its event, its place, two jobs. */
export const ROWS_EACH = 10

const EFFORTS: Readonly<Record<Pace, GrowthEffort>> = {
  full: { rounds: 15, runs: 7, sizes: [100, 10_000, 100_000] },
  quick: { rounds: 9, runs: 5, sizes: [100, 5000] },
  once: { rounds: 1, runs: 1, sizes: [2, 4] },
}

/** Payments of a page. */
const PAGE = 50

/** How many times as long a job may take in the largest store. */
const MOST = 2

/** Requests that are made at a time; their rows are in memory until every store has them. */
const BATCH = 10_000

/** The requests of all batches are this long ago at most, so that nothing of theirs has expired. */
const HOUR_MS = 3_600_000

/** What more rows cost. */
export const growth: Group = {
  name: 'growth',
  async run(pace) {
    const { results, absent } = await measureGrowth(EFFORTS[pace])
    return { text: formatGrowth(results, absent, EFFORTS[pace]), goals: results.map(({ goal }) => goal) }
  },
}

/** Fills stores of every size, and times them in turns. */
export async function measureGrowth(
  effort: GrowthEffort,
): Promise<{ results: GrowthResult[]; absent: string[] }> {
  const entries: Entry[] = []
  const absent: string[] = []
  try {
    for (const [engine, open] of Object.entries(growingStores)) {
      for (const size of effort.sizes) {
        const opened = await open()
        if (opened) entries.push({ engine, size, opened, visits: [] })
        else if (!absent.includes(engine)) absent.push(engine)
      }
    }
    await fill(entries, effort.sizes)
    return { results: await time(entries, effort), absent }
  } finally {
    for (const { opened } of entries) await opened.close()
  }
}

/** A store of one size. */
interface Entry {
  readonly engine: string
  readonly size: number
  readonly opened: GrowingStore
  /** What has been bought. */
  visits: readonly Visit[]
}

async function fill(entries: readonly Entry[], sizes: readonly number[]): Promise<void> {
  const [start, most] = [Date.now() - HOUR_MS, Math.max(...sizes)]
  for (let made = 0; made < most; ) {
    // A batch ends where a store is full.
    const next = Math.min(made + BATCH, ...sizes.filter((size) => size > made))
    const instants = Array.from({ length: next - made }, (_, at) => start + ((made + at) * HOUR_MS) / most)
    const { rows, visits } = await makeRows(instants.map(Math.floor))
    for (const entry of entries.filter(({ size }) => size > made)) {
      await entry.opened.fill(rows)
      entry.visits = [...entry.visits, ...visits]
    }
    made = next
  }
  for (const { opened } of entries) await opened.settle()
}

async function time(entries: readonly Entry[], { rounds, runs }: GrowthEffort): Promise<GrowthResult[]> {
  const timed = entries.map((entry) => {
    const jobs = jobsOf(entry)
    return { ...entry, jobs: GROWTH_JOBS.map((name) => ({ name, run: jobs[name], rounds: [] as number[] })) }
  })
  for (const { jobs } of timed) for (const { run } of jobs) await round(run, runs)
  await takeTurns(timed, rounds, async ({ jobs }) => {
    for (const { run, rounds } of jobs) rounds.push(await round(run, runs))
  })
  const engines = [...new Set(entries.map(({ engine }) => engine))]
  return engines.flatMap((engine) =>
    GROWTH_JOBS.map((job, at) => {
      const sizes = timed.filter((each) => each.engine === engine)
      const times = sizes.map(({ jobs }) => spreadOf(jobs[at]?.rounds ?? []).median)
      const grown = (times.at(-1) ?? Number.NaN) / (times[0] ?? Number.NaN)
      const goal = { name: `growth: ${engine}, ${job}`, got: grown, most: MOST, unit: ' x', isPortable: true }
      return { engine, job, times, goal }
    }),
  )
}

/** The median of single runs, microseconds: one that waits for the disk says nothing of the others. */
async function round(run: () => Promise<unknown>, runs: number): Promise<number> {
  const times: number[] = []
  for (let done = 0; done < runs; done++) {
    const begin = performance.now()
    await run()
    times.push((performance.now() - begin) * 1000)
  }
  return spreadOf(times).median
}

/** Each is of anything that was bought, so that no row is at hand because the last run had it. */
function jobsOf({ opened, visits }: Entry): Record<(typeof GROWTH_JOBS)[number], () => Promise<unknown>> {
  const coffer = openSeller(opened.store)
  const any = (): Visit => visits[Math.floor(Math.random() * visits.length)] as Visit
  // Pages of the smallest store are whole, too.
  const late = visits.slice(Math.min(2 * PAGE, visits.length) - 1)
  return {
    'claim, settle, deliver': () => buy(coffer, false),
    async 'session hit'() {
      const request = new Request(terms.REPORT_URL, { headers: { [terms.SESSION]: any().session } })
      const outcome = await coffer.handle(request, { ...route, vault: false })
      if (outcome instanceof Response) throw new Error(`the session lets nobody in: ${outcome.status}`)
      await outcome.finish(new Response())
    },
    'event append': async () => coffer.vaults?.open(any().vault).emit('bench.step', { done: true }),
    async '50 payments'() {
      const { payments } = await coffer.payments.list({
        to: (late[Math.floor(Math.random() * late.length)] as Visit).at + 1,
        limit: PAGE,
      })
      if (payments.length === 0) throw new Error('there are no payments')
    },
  }
}
