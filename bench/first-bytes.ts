import { type Chains, startChains, stopChains } from '../test/clients/kinds.ts'
import { mppTempo, type PayingFetch, x402V2 } from '../test/clients/official.ts'
import { createEvmPayer, createPayer, createTempoPayer } from '../test/clients/payers.ts'
import { preparePaid } from '../test/clients/wire.ts'
import { formatFirstBytes } from './first-bytes-report.ts'
import type { Goal } from './goals.ts'
import type { Group, Pace } from './group.ts'
import { now, openProcesses } from './process.ts'
import type { OpenShop, ShopSetup } from './shops/shop.ts'
import { type Spread, spreadOf } from './spread.ts'
import { takeTurns } from './turns.ts'

/** How a stream came; milliseconds. */
export interface FirstBytesResult {
  readonly name: string
  /** From the handler's first write until the client has it. */
  readonly fromWrite: Spread
  /** From the request, with its credential, until then: with the settlement, where money moves first. */
  readonly fromRequest: Spread
  /** From the request until the last byte. */
  readonly whole: Spread
  readonly goal: Goal | null
}

/** How many streams, of how many milliseconds. */
export interface FirstBytesEffort {
  readonly rounds: number
  readonly streamMs: number
}

interface Contender {
  readonly name: string
  readonly setup: Pick<ShopSetup, 'who' | 'takes'>
  /** How it is paid; by a session, or not at all, where there is no client. */
  readonly client?: 'x402' | 'tempo-pull'
  readonly isOurs?: boolean
}

/** The first is what the others are compared with. */
const CONTENDERS: readonly Contender[] = [
  { name: 'Express, no payments', setup: { who: 'bare', takes: 'all' } },
  { name: 'Coffer, a session', setup: { who: 'coffer', takes: 'session' }, isOurs: true },
  { name: 'Coffer, x402', setup: { who: 'coffer', takes: 'x402' }, client: 'x402', isOurs: true },
  { name: 'Coffer, MPP tempo', setup: { who: 'coffer', takes: 'tempo' }, client: 'tempo-pull', isOurs: true },
  { name: '@x402/express', setup: { who: 'x402', takes: 'x402' }, client: 'x402' },
  { name: 'mppx/express, MPP tempo', setup: { who: 'mppx', takes: 'tempo' }, client: 'tempo-pull' },
]

const EFFORTS: Readonly<Record<Pace, FirstBytesEffort>> = {
  full: { rounds: 7, streamMs: 1000 },
  quick: { rounds: 3, streamMs: 100 },
  once: { rounds: 1, streamMs: 10 },
}

/** Milliseconds that a stream may be late because it was paid for. */
const LATE_MS = 5

/** When the first byte of a paid stream arrives. */
export const firstBytes: Group = {
  name: 'first-bytes',
  async run(pace) {
    const effort = EFFORTS[pace]
    const results = await measureFirstBytes(effort)
    return { text: formatFirstBytes(results, effort), goals: results.flatMap(({ goal }) => goal ?? []) }
  },
}

/** Reads streams one after the other, each paid for by a credential that was made before. */
export async function measureFirstBytes({ rounds, streamMs }: FirstBytesEffort): Promise<FirstBytesResult[]> {
  const chains = await startChains()
  const processes = openProcesses()
  try {
    const entries = await Promise.all(
      CONTENDERS.map(async ({ setup, ...contender }, at): Promise<Entry> => {
        const key = chains.evm.accounts[at]?.privateKey ?? '0x'
        const { url: evm } = chains.evm
        const till = { seller: createPayer().address, evm, tempo: chains.tempo.url, settle: { key } }
        const order = JSON.stringify({ ...setup, server: 'express', till })
        const { ready } = await processes.start<OpenShop>('shop-process.ts', order)
        const url = `${ready.url}/stream?ms=${streamMs}`
        return { ...contender, url, headers: await headersOf(contender, ready, url, chains), streams: [] }
      }),
    )
    // The first stream loads what all need.
    for (const { headers, url } of entries) await read(url, await headers())
    await takeTurns(entries, rounds, async ({ headers, url, streams }) => {
      streams.push(await read(url, await headers()))
    })
    const results = entries.map(({ name, isOurs = false, streams }) => ({
      name,
      isOurs,
      fromWrite: spreadOf(streams.map(({ fromWrite }) => fromWrite)),
      fromRequest: spreadOf(streams.map(({ fromRequest }) => fromRequest)),
      whole: spreadOf(streams.map(({ whole }) => whole)),
    }))
    const unpaid = results[0]?.fromWrite.median ?? Number.NaN
    return results.map(({ isOurs, ...result }) => ({
      ...result,
      goal: isOurs ? goalOf(result, unpaid) : null,
    }))
  } finally {
    processes.stop()
    await stopChains(chains)
  }
}

interface Entry extends Omit<Contender, 'setup'> {
  readonly url: string
  /** Fields that pay for one stream. */
  readonly headers: () => Promise<HeadersInit>
  readonly streams: Stream[]
}

/** What was measured of one stream. */
type Stream = Readonly<Record<'fromWrite' | 'fromRequest' | 'whole', number>>

async function headersOf(
  { client }: Pick<Contender, 'client'>,
  { session }: OpenShop,
  url: string,
  { evm, tempo }: Chains,
): Promise<Entry['headers']> {
  if (client === undefined) return async () => session ?? {}
  const { privateKey } = client === 'x402' ? await createEvmPayer(evm) : await createTempoPayer(tempo)
  const connect = (fetch: typeof globalThis.fetch): PayingFetch =>
    client === 'x402' ? x402V2(privateKey, evm.chainId, fetch) : mppTempo(privateKey, tempo, 'pull', fetch)
  return async () => (await preparePaid(connect, url)).headers
}

/** Reads a stream to its end. What it says first is when that was written. */
async function read(url: string, headers: HeadersInit): Promise<Stream> {
  const begin = now()
  const answer = await fetch(url, { headers })
  const reader = answer.body?.getReader()
  const first = await reader?.read()
  const arrived = now()
  const written = Number.parseFloat(Buffer.from(first?.value ?? []).toString())
  if (answer.status !== 200 || Number.isNaN(written))
    throw new Error(`${url}: ${answer.status}, not a stream`)
  while (!(await reader?.read())?.done);
  return { fromWrite: arrived - written, fromRequest: arrived - begin, whole: now() - begin }
}

function goalOf({ name, fromWrite }: Pick<FirstBytesResult, 'name' | 'fromWrite'>, unpaid: number): Goal {
  const late = fromWrite.median - unpaid
  return { name: `first bytes: ${name}`, got: late, most: LATE_MS, unit: ' ms late', isPortable: false }
}
