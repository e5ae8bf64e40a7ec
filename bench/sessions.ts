import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCoffer, type Store } from 'coffer'
import { memory } from 'coffer/memory'
import { sqlite } from 'coffer/sqlite'
import { type Goal, goalCells } from './goals.ts'
import type { Group, Pace } from './group.ts'
import {
  type Comparison,
  type Contender,
  type Effort,
  type Job,
  type Measurement,
  measure,
  prove,
} from './harness.ts'
import { digits, formatTable } from './report.ts'
import { protocols } from './seller.ts'
import { REPORT } from './shops/goods.ts'
import * as terms from './terms.ts'

const EFFORTS: Readonly<Record<Pace, Effort>> = {
  full: { rounds: 15, roundMs: 200, warmUpMs: 1000 },
  quick: { rounds: 5, roundMs: 30, warmUpMs: 150 },
  once: { rounds: 1, roundMs: 20, warmUpMs: 0 },
}

/** Microseconds that a session may cost more than the bare handler, by the name of the contender. */
const GOALS: Readonly<Record<string, number>> = { 'Coffer, memory': 25, 'Coffer, SQLite': 60 }

/** A request that a session lets in, through `handle` and `finish`, in process. */
export const sessions: Group = {
  name: 'sessions',
  async run(pace) {
    const folder = mkdtempSync(join(tmpdir(), 'coffer-bench-'))
    const stores = [memory(), sqlite(join(folder, 'coffer.db'))] as const
    try {
      const comparison = compareSessions(...stores)
      await prove(comparison)
      const measurements = await measure(comparison, EFFORTS[pace])
      return {
        text: formatSessions(measurements, EFFORTS[pace]),
        goals: goalsOf(measurements).filter((goal) => goal !== null),
      }
    } finally {
      for (const store of stores) await store.close()
      rmSync(folder, { recursive: true })
    }
  },
}

function compareSessions(inMemory: Store, inFile: Store): Comparison {
  return {
    title: 'a session lets a request in',
    contenders: [
      { name: 'the bare handler', prepare: prepareBare },
      coffer('Coffer, memory', inMemory),
      coffer('Coffer, SQLite', inFile),
    ],
    cases: [{ input: terms.REPORT_URL, verdict: '200' }],
  }
}

function prepareBare(url: string): Job {
  return () => String(handler(new Request(url, { headers: { [terms.SESSION]: 'sess_x' } })).status)
}

function coffer(name: string, store: Store): Contender {
  return {
    name,
    async prepare(url) {
      const coffer = createCoffer({
        secret: terms.SECRET,
        wallets: { main: { address: terms.SELLER } },
        protocols: [protocols.x402],
        store,
        stub: true,
      })
      const route = { price: terms.PRICE, acceptSessions: true }
      const visit = async (headers: Record<string, string>): Promise<Response> => {
        const request = new Request(url, { headers })
        const outcome = await coffer.handle(request, route)
        return outcome instanceof Response ? outcome : outcome.finish(handler(request))
      }
      const paid = await visit({ 'x-payment': `stub_${crypto.randomUUID()}` })
      const headers = { [terms.SESSION]: paid.headers.get(terms.SESSION) ?? '' }
      return async () => String((await visit(headers)).status)
    },
  }
}

const handler = (_request: Request): Response => Response.json(REPORT)

function goalsOf(measurements: readonly Measurement[]): (Goal | null)[] {
  const bare = measurements[0]?.cpu.median ?? Number.NaN
  return measurements.map(({ contender: { name }, cpu }) => {
    const most = GOALS[name]
    if (most === undefined) return null
    return {
      name: `sessions: ${name}`,
      got: cpu.median - bare,
      most,
      unit: ' us over bare',
      isPortable: false,
    }
  })
}

function formatSessions(measurements: readonly Measurement[], { rounds, roundMs }: Effort): string {
  const bare = measurements[0]?.cpu.median ?? Number.NaN
  const goals = goalsOf(measurements)
  const rows = measurements.map(({ contender: { name }, cpu, elapsed }, at) => [
    name,
    digits(cpu.median),
    `${digits(cpu.min)}-${digits(cpu.max)}`,
    digits(elapsed.median),
    at === 0 ? '' : digits(cpu.median - bare),
    ...goalCells(goals[at] ?? null),
  ])
  return `## Sessions

A request that a session lets in, in process, from a new \`Request\` through \`handle\`, the handler and \`finish\` to the \`Response\`: microseconds
of the thread's processor, medians of ${rounds} rounds of ${roundMs} ms whose order alternates, and the time that passed. Peers have no sessions
that a server opens.

${formatTable([['store', 'processor', 'range', 'elapsed', 'over bare', 'target', 'reached'], ...rows], 1)}
`
}
