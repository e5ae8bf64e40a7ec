import type { Goal } from './goals.ts'
import type { Group, Pace } from './group.ts'
import { CONTENDERS, type HttpContender } from './http-contenders.ts'
import type { Load, Loaded } from './http-load.ts'
import { formatHttp } from './http-report.ts'
import { openProcesses, type Process } from './process.ts'
import type { OpenShop } from './shops/shop.ts'
import { type Spread, spreadOf } from './spread.ts'
import { takeTurns } from './turns.ts'

/** How a contender did. */
export interface HttpResult {
  readonly contender: HttpContender
  /** Answers in a second. */
  readonly perSecond: Spread
  /** Of those of the bare server in the same round. */
  readonly ofBare: Spread
  /** Microseconds of the server's processor for one answer. */
  readonly cpu: Spread
  /** The bare server's, of those. */
  readonly bareCpu: number
}

/** How long to load. */
export interface HttpEffort {
  readonly servers: readonly HttpContender['server'][]
  readonly rounds: number
  /** Seconds of each contender in each round. */
  readonly seconds: number
  readonly warmUpSeconds: number
}

const EFFORTS: Readonly<Record<Pace, HttpEffort>> = {
  full: { servers: ['express', 'node', 'hono'], rounds: 5, seconds: 1.5, warmUpSeconds: 1.5 },
  quick: { servers: ['express', 'node'], rounds: 3, seconds: 0.25, warmUpSeconds: 0.3 },
  once: { servers: ['express', 'node', 'hono'], rounds: 1, seconds: 0.1, warmUpSeconds: 0 },
}

export const CONNECTIONS = 32

/** Requests a second that servers answer over the loopback. */
export const http: Group = {
  name: 'http',
  async run(pace) {
    const results = await measureHttp(EFFORTS[pace])
    const goals = results.flatMap((result) => goalOf(result) ?? [])
    return { text: formatHttp(results, EFFORTS[pace]), goals }
  },
}

/** What a contender should reach; `null` when nothing was promised. */
export function goalOf({ contender: { name, server, goal }, ofBare }: HttpResult): Goal | null {
  if (goal === undefined) return null
  const { median } = ofBare
  return { name: `http: ${name} on ${server}`, got: median, least: goal, unit: ' of bare', isPortable: true }
}

/** @throws Error when an answer is not what it has to be: then another job is measured. */
export async function measureHttp(effort: HttpEffort): Promise<HttpResult[]> {
  const { servers, rounds, seconds, warmUpSeconds } = effort
  const processes = openProcesses()
  try {
    const load = await processes.start('http-load.ts')
    const contenders = CONTENDERS.filter(({ server }) => servers.includes(server))
    const entries = await Promise.all(
      contenders.map(async (contender): Promise<Entry> => {
        const shop = await processes.start<OpenShop>('shop-process.ts', JSON.stringify(contender))
        return { contender, shop, rounds: [] }
      }),
    )
    if (warmUpSeconds > 0) for (const entry of entries) await loadOnce(entry, warmUpSeconds, load)
    await takeTurns(entries, rounds, async (entry) => {
      entry.rounds.push(await loadOnce(entry, seconds, load))
    })
    return entries.map((entry) => resultOf(entry, entries))
  } finally {
    processes.stop()
  }
}

interface Entry {
  readonly contender: HttpContender
  readonly shop: Process<OpenShop>
  readonly rounds: Readonly<Record<'perSecond' | 'cpu', number>>[]
}

async function loadOnce(
  { contender: { name, server, expect }, shop }: Entry,
  seconds: number,
  load: Process,
): Promise<Entry['rounds'][number]> {
  const { url, session } = shop.ready
  const headers = session ?? {}
  const order: Load = { url: `${url}/report`, headers, connections: CONNECTIONS, seconds, expect }
  const used = await shop.ask<number>('cpu')
  const { answers, wrong, perSecond } = await load.ask<Loaded>(order)
  if (wrong > 0) throw new Error(`${name} on ${server}: ${wrong} of ${answers} answers are wrong`)
  return { perSecond, cpu: ((await shop.ask<number>('cpu')) - used) / answers }
}

function resultOf({ contender, rounds }: Entry, all: readonly Entry[]): HttpResult {
  const bare = all.find((each) => each.contender.who === 'bare' && each.contender.server === contender.server)
  return {
    contender,
    perSecond: spreadOf(rounds.map(({ perSecond }) => perSecond)),
    ofBare: spreadOf(
      rounds.map(({ perSecond }, at) => perSecond / (bare?.rounds[at]?.perSecond ?? Number.NaN)),
    ),
    cpu: spreadOf(rounds.map(({ cpu }) => cpu)),
    bareCpu: spreadOf(rounds.map(({ cpu }, at) => (bare?.rounds[at]?.cpu ?? Number.NaN) / cpu)).median,
  }
}
