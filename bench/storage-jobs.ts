/** What a store is asked for while money comes in, timed. Runs wherever the store does: no builtins of Node here. */
import { createCoffer, type Store } from 'coffer'
import { baseSepolia } from 'coffer/evm'
import { memoryBlobs } from 'coffer/memory'
import { facilitator, x402 } from 'coffer/x402'
import * as terms from './terms.ts'

/** What is timed, in the order of the table. */
export const JOBS = ['get', 'commit', 'contended commit', 'event append', 'session hit'] as const

/** Microseconds that passed for one of each, medians. */
export type StorageTimes = Readonly<Record<(typeof JOBS)[number], number>>

/** So many want the same key at once. */
const RIVALS = 8

/**
 * Times a store, which must be empty.
 *
 * @param roundMs - How long each of nine rounds lasts, at least one run each.
 */
export async function timeStore(store: Store, roundMs: number): Promise<StorageTimes> {
  const coffer = createCoffer({
    secret: terms.SECRET,
    wallets: { main: { address: terms.SELLER } },
    protocols: [x402({ networks: [baseSepolia({ settle: facilitator({ url: terms.NOWHERE }) })] })],
    store,
    stub: true,
    challengeLimit: false,
    vaults: { blobs: memoryBlobs() },
  })
  const vault = await coffer.vaults?.create()
  const route = { price: terms.PRICE, acceptSessions: true }
  const visit = async (headers: Record<string, string>): Promise<Response> => {
    const outcome = await coffer.handle(new Request(terms.REPORT_URL, { headers }), route)
    return outcome instanceof Response ? outcome : outcome.finish(new Response())
  }
  const paid = await visit({ 'x-payment': `stub_${crypto.randomUUID()}` })
  const session = { 'x-prudra-session-id': paid.headers.get('x-prudra-session-id') ?? '' }

  await store.commit([{ key: 'bench/one', value: { n: 0 } }])
  let made = 0
  /** Two rows, one of them new: what a claim writes, more or less. */
  const commit = async (): Promise<void> => {
    const done = await store.commit([
      { key: `bench/new/${made++}`, value: { text: 'x'.repeat(500) }, if: 'absent' },
      { key: 'bench/two', value: { made } },
    ])
    if (done === null) throw new Error('a commit was refused')
  }
  const contend = async (): Promise<void> => {
    for (;;) {
      const entry = await store.get('bench/one')
      if (entry === null) throw new Error('the row is gone')
      const value = { n: Number(entry.value['n']) + 1 }
      if ((await store.commit([{ key: 'bench/one', value, if: { version: entry.version } }])) !== null) return
    }
  }
  const work: Record<
    (typeof JOBS)[number],
    { readonly run: () => Promise<unknown>; readonly times: number }
  > = {
    get: { run: () => store.get('bench/one'), times: 1 },
    commit: { run: commit, times: 1 },
    'contended commit': { run: () => Promise.all(Array.from({ length: RIVALS }, contend)), times: RIVALS },
    'event append': { run: async () => vault?.emit('bench.step', { made }), times: 1 },
    'session hit': { run: () => visit(session), times: 1 },
  }
  const times: Partial<Record<(typeof JOBS)[number], number>> = {}
  for (const job of JOBS) times[job] = (await median(work[job].run, roundMs)) / work[job].times
  return times as StorageTimes
}

async function median(run: () => Promise<unknown>, roundMs: number): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round < 9; round++) {
    const start = performance.now()
    let times = 0
    do {
      await run()
      times++
    } while (performance.now() - start < roundMs)
    rounds.push(((performance.now() - start) * 1000) / times)
  }
  return rounds.toSorted((a, b) => a - b)[4] ?? Number.NaN
}
