import type { Goal } from './goals.ts'
import type { Group, Pace } from './group.ts'
import type { Load, Loaded } from './http-load.ts'
import { formatHttp } from './http-report.ts'
import { type Process, startProcess } from './process.ts'
import type { OpenShop, ShopSetup } from './shops/shop.ts'
import { type Spread, spreadOf } from './spread.ts'

/** A server that is loaded. */
export interface HttpContender extends ShopSetup {
  readonly name: string
  readonly note?: string
  readonly expect: Load['expect']
  /** Share of the bare server's requests that it should answer at least. */
  readonly goal?: number
}

/** How a contender did. */
export interface HttpResult {
  readonly contender: HttpContender
  /** Answers in a second. */
  readonly perSecond: Spread
  /** Microseconds of the server's processor for one answer. */
  readonly cpu: Spread
  /** Answers in a second, of those of the bare server on the same framework in the same round. */
  readonly ofBare: Spread
  readonly answers: number
}

/** How long to load. */
export interface HttpEffort {
  readonly rounds: number
  /** Seconds of each contender in each round. */
  readonly seconds: number
  readonly warmUpSeconds: number
}

export const CONNECTIONS = 32

const OK = { status: 200, fields: ['content-type'] }
const MPP = ['www-authenticate', 'cache-control', 'content-type']
const X402 = ['payment-required', 'cache-control', 'content-type']
const BOTH = [...MPP, 'payment-required']
const X402_ONLY = { status: 402, fields: [...X402, 'access-control-expose-headers'] }
const ALL = { status: 402, fields: [...BOTH, 'access-control-expose-headers'] }

const bare = { who: 'bare', takes: 'all', expect: OK } as const
const unpaid = {
  who: 'coffer',
  takes: 'all',
  expect: ALL,
  note: 'x402 v2 and v1, MPP tempo and evm',
} as const
const session = { who: 'coffer', takes: 'session', expect: OK } as const
const x402 = { who: 'x402', takes: 'x402', expect: { status: 402, fields: X402 }, note: 'x402 v2' } as const
const mppx = {
  who: 'mppx',
  takes: 'all',
  expect: { status: 402, fields: BOTH },
  note: 'x402 v2, MPP tempo and evm',
} as const

/** The first of each framework is the one that the others are compared with. Goals: shares of a machine where both were measured. */
const CONTENDERS: readonly HttpContender[] = [
  { ...bare, server: 'express', name: 'Express, no payments' },
  { ...session, server: 'express', name: 'Coffer session', goal: 0.75 },
  { ...unpaid, server: 'express', name: 'Coffer 402', goal: 0.53 },
  {
    ...unpaid,
    server: 'express',
    takes: 'x402',
    name: 'Coffer 402',
    note: 'x402 v2 and v1',
    expect: X402_ONLY,
  },
  { ...x402, server: 'express', name: '@x402/express 402' },
  { ...mppx, server: 'express', name: 'mppx/express 402' },
  { ...bare, server: 'node', name: 'node:http, no payments' },
  { ...session, server: 'node', name: 'Coffer session' },
  { ...unpaid, server: 'node', name: 'Coffer 402', goal: 0.33 },
  { ...bare, server: 'hono', name: 'Hono, no payments' },
  { ...session, server: 'hono', name: 'Coffer session' },
  { ...unpaid, server: 'hono', name: 'Coffer 402' },
  { ...x402, server: 'hono', name: '@x402/hono 402' },
  { ...mppx, server: 'hono', name: 'mppx/hono 402' },
]

const EFFORTS: Readonly<Record<Pace, HttpEffort>> = {
  full: { rounds: 5, seconds: 1.5, warmUpSeconds: 1.5 },
  quick: { rounds: 3, seconds: 0.3, warmUpSeconds: 0.5 },
  once: { rounds: 1, seconds: 0.1, warmUpSeconds: 0 },
}

/** Requests a second that servers answer over the loopback. */
export const http: Group = {
  name: 'http',
  async run(pace) {
    const effort = EFFORTS[pace]
    const results = await measureHttp(effort)
    const goals = results.flatMap((result) => goalOf(result) ?? [])
    return { text: formatHttp(results, effort), goals }
  },
}

/** What a contender should reach; `null` when nothing was promised. */
export function goalOf({ contender: { name, server, goal }, ofBare }: HttpResult): Goal | null {
  if (goal === undefined) return null
  return {
    name: `http: ${name} on ${server}`,
    got: ofBare.median,
    least: goal,
    unit: ' of bare',
    isPortable: true,
  }
}

/** @throws Error when an answer is not what it has to be: then another job is measured. */
export async function measureHttp({ rounds, seconds, warmUpSeconds }: HttpEffort): Promise<HttpResult[]> {
  const processes: Process<unknown>[] = []
  try {
    const load = await startProcess<null>('http-load.ts')
    processes.push(load)
    const entries: Entry[] = []
    for (const contender of CONTENDERS) {
      const shop = await startProcess<OpenShop>('shop-process.ts', [JSON.stringify(contender)])
      processes.push(shop)
      entries.push({ contender, shop, rounds: [] })
    }
    const run = async ({ contender: { name, server, expect }, shop }: Entry, seconds: number) => {
      const { url, session } = shop.ready
      const order: Load = {
        url: `${url}/report`,
        headers: session ?? {},
        connections: CONNECTIONS,
        seconds,
        expect,
      }
      const used = await shop.ask<number>('cpu')
      const loaded = await load.ask<Loaded>(order)
      if (loaded.wrong > 0)
        throw new Error(`${name} on ${server}: ${loaded.wrong} of ${loaded.answers} answers are wrong`)
      const cpu = ((await shop.ask<number>('cpu')) - used) / loaded.answers
      return { perSecond: loaded.perSecond, answers: loaded.answers, cpu }
    }
    if (warmUpSeconds > 0) for (const entry of entries) await run(entry, warmUpSeconds)
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? entries : entries.toReversed()
      for (const entry of order) entry.rounds.push(await run(entry, seconds))
    }
    return entries.map(({ contender, rounds }) => {
      const first = entries.find((each) => each.contender.server === contender.server)
      const ofBare = rounds.map(
        ({ perSecond }, at) => perSecond / (first?.rounds[at]?.perSecond ?? Number.NaN),
      )
      return {
        contender,
        perSecond: spreadOf(rounds.map(({ perSecond }) => perSecond)),
        cpu: spreadOf(rounds.map(({ cpu }) => cpu)),
        ofBare: spreadOf(ofBare),
        answers: rounds.reduce((sum, { answers }) => sum + answers, 0),
      }
    })
  } finally {
    for (const each of processes) each.stop()
  }
}

interface Entry {
  readonly contender: HttpContender
  readonly shop: Process<OpenShop>
  readonly rounds: Round[]
}

interface Round {
  readonly perSecond: number
  readonly cpu: number
  readonly answers: number
}
