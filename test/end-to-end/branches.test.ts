/** One shop in several processes, of which one is killed while it is busy. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAbiItem } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Address } from '../../src/payments/address.ts'
import { scan } from '../../src/stores/scan.ts'
import { prefixRange, type Store } from '../../src/stores/store.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { at } from '../evm/signing.ts'
import { engine, program } from '../stores/engines.ts'
import { newName, openPg } from '../stores/postgres-databases.ts'
import { startRedisServer } from '../stores/redis-server.ts'
import { type Branches, createBranches, PRICE, payersOf } from './branches.ts'
import { createSeller } from './shop.ts'
import { openStorage, type StorageSetup } from './storage.ts'

/** Requests that carry a payment; a fifth of them repeat one, at once or later. */
const REQUESTS = 500
/** On engines that only have to show the same. */
const FEW = 200
const AT_ONCE = 12
const SESSIONS = 4
const HEADER = 'x-prudra-session-id'
/** For a machine that is busy. */
const PATIENCE_MS = 400_000

const folder = mkdtempSync(join(tmpdir(), 'coffer-branches-'))
let chain: EvmChain

beforeAll(async () => {
  chain = await startEvmChain()
  await Promise.all(payersOf(chain).map(({ address }) => chain.mint(address, TEN_DOLLARS)))
})
afterAll(async () => {
  await chain?.stop()
  rmSync(folder, { recursive: true })
})

/** Somebody's right to go on working. */
interface Session {
  readonly session: string
  readonly vault: string
  readonly token: string
}

/** A credential, and the payment that it made; `undefined` when its answer was lost. */
interface Purchase {
  readonly headers: Headers
  readonly paymentId: unknown
}

/** All that must hold of one shop in so many processes, of which the last one dies. */
async function prove(count: number, requests: number, storage: StorageSetup): Promise<void> {
  const branches = createBranches(chain, storage, join(folder, storage.name))
  const end = new AbortController()
  try {
    await Promise.all(Array.from({ length: count }, branches.open))
    const sessions = await openSessions(branches)
    const following = sessions.flatMap(({ vault, token }) =>
      branches.all.map((branch) => branches.follow(branch, vault, token, end.signal)),
    )
    const { purchases, steps } = await trade(branches, sessions, requests)
    await branches.open()
    steps.push(...(await visitAll(branches, sessions)))
    const streams = await Promise.all(following)

    // Every stream has all events of its vault, once and in order, wherever it began.
    for (const [n, events] of streams.entries()) {
      expect(events.map(({ eventId }) => Number(eventId.slice(-12)))).toEqual(events.map((_, at) => at + 1))
      expect(events.at(-1)?.type).toBe('vault.sealed')
      expect(events).toEqual(streams[n - (n % count)])
    }
    const seen = new Set(streams.flat().map(({ eventId }) => eventId))
    expect(steps.filter((id) => !seen.has(id))).toEqual([])

    // A handler runs again only for an answer that died with its branch.
    const again = [...branches.runs.values()].filter((times) => times > 1)
    expect(again.length).toBeLessThanOrEqual(AT_ONCE)

    // Every payment is settled and delivered, once; nothing was given up.
    await checkBooks(storage, purchases + SESSIONS)
    expect(await chain.balanceOf(branches.seller)).toBe(BigInt(purchases + SESSIONS) * PRICE)
    expect(await transfersTo(branches.seller)).toBe(purchases + SESSIONS)
  } finally {
    end.abort()
    await branches.close()
  }
}

async function openSessions({ ask, sign }: Branches): Promise<readonly Session[]> {
  const path = '/work?step=first'
  const opened = Array.from({ length: SESSIONS }, async (_, n) => {
    const { status, body } = await ask(path, await sign(path, n))
    expect(status).toBe(200)
    return body as unknown as Session
  })
  return Promise.all(opened)
}

/** Buys, repeats, and works on in the sessions. Halfway, a branch dies. Answers with what was bought and done. */
async function trade(
  { all, ask, sign }: Branches,
  sessions: readonly Session[],
  requests: number,
): Promise<{ purchases: number; steps: string[] }> {
  const purchases: Purchase[] = []
  const steps: string[] = []
  let next = SESSIONS
  let done = 0

  /** `times`: how often the credential is sent at once, to any branches. */
  async function buy(n: number, times: number): Promise<void> {
    const headers = await sign('/report', n)
    // Every other payer can have an answer again that got lost on its way.
    const hasKey = n % 2 === 0
    if (hasKey) headers.set('idempotency-key', `request-${n}`)
    const answers = await Promise.all(Array.from({ length: times }, () => ask('/report', headers)))
    const delivered = answers.filter(({ status }) => status === 200).map(({ body }) => body['paymentId'])
    const refused = answers.filter(({ status }) => status !== 200).map(({ body }) => body['code'])
    if (hasKey) expect([refused, new Set(delivered).size]).toEqual([[], 1])
    else {
      // What was on its way when the branch died counts as delivered.
      expect(delivered.length).toBeLessThanOrEqual(1)
      expect(refused).toEqual(refused.map(() => 'duplicate-payment'))
    }
    purchases.push({ headers, paymentId: delivered[0] })
  }

  /** A second time, later and anywhere: the same answer to who has a key, and none to others. */
  async function repeat(n: number): Promise<void> {
    const { headers, paymentId } = at(purchases, n % purchases.length)
    const { status, body } = await ask('/report', headers)
    if (headers.has('idempotency-key')) expect([status, body['paymentId']]).toEqual([200, paymentId])
    else expect([status, body['code']]).toEqual([409, 'duplicate-payment'])
  }

  async function workOn(n: number): Promise<void> {
    const { session } = at(sessions, n % SESSIONS)
    const { status, body } = await ask(`/work?step=${n}`, new Headers({ [HEADER]: session }))
    expect(status).toBe(200)
    steps.push(String(body['event']))
  }

  async function customer(): Promise<void> {
    while (next < requests) {
      const n = next++
      if (n % 10 === 3 && purchases.length > 0) await repeat(n)
      else await buy(n, n % 10 === 8 || n % 10 === 9 ? 2 : 1)
      if (n % 3 === 0) await workOn(n)
      if (++done === Math.floor(requests / 2)) await all.at(-1)?.kill()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, customer))
  expect(all.at(-1)?.isOpen).toBe(false)
  return { purchases: purchases.length, steps }
}

/** Sessions are good at every branch, also at one that opens late. Seals their vaults in the end. */
async function visitAll({ all, ask }: Branches, sessions: readonly Session[]): Promise<readonly string[]> {
  const steps: string[] = []
  for (const { session } of sessions) {
    const headers = new Headers({ [HEADER]: session })
    for (const { url } of all.filter(({ isOpen }) => isOpen)) {
      const answer = await fetch(`${url}/work?step=late`, { headers })
      expect(answer.status).toBe(200)
      steps.push(((await answer.json()) as { event: string }).event)
    }
    expect((await ask('/work?step=last&summary=done', headers)).status).toBe(200)
  }
  return steps
}

async function checkBooks(storage: StorageSetup, count: number): Promise<void> {
  const { store, close } = await openStorage(storage)
  const { coffer } = createSeller({ evm: [chain], store, clock: () => Date.now() + 60_000 })
  while ((await valuesOf(store, 'due/own/')).some(({ kind }) => kind === 'reconcile')) await coffer.tick()
  const payments = await valuesOf(store, 'payment/')
  expect(payments).toHaveLength(count)
  for (const payment of payments) expect(payment).toMatchObject({ state: 'settled', delivery: 'delivered' })
  expect(await valuesOf(store, 'dead/')).toEqual([])
  await coffer.close()
  await close()
}

async function valuesOf(store: Store, prefix: string) {
  const values = []
  for await (const { value } of scan(store, prefixRange(prefix))) values.push(value)
  return values
}

async function transfersTo(seller: Address): Promise<number> {
  const event = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)')
  const filter = { address: chain.usdc.address, event, args: { to: seller }, fromBlock: 0n } as const
  return (await chain.client.getLogs(filter)).length
}

const title = (count: number, requests: number): string =>
  `${count} processes, of which one is killed, charge ${requests} requests exactly, keep sessions and lose no event`

const url = await engine('postgres')
if (url !== null) {
  for (const count of [2, 4]) {
    it(`on one Postgres, ${title(count, REQUESTS)}`, { timeout: PATIENCE_MS }, async () => {
      const { newSchema, end } = openPg(url)
      try {
        await prove(count, REQUESTS, { engine: 'postgres', address: url, name: newSchema() })
      } finally {
        await end()
      }
    })
  }
}

if (program('redis-server')) {
  it(`on one Redis, ${title(2, FEW)}`, { timeout: PATIENCE_MS }, async () => {
    const server = await startRedisServer('--appendonly', 'yes')
    try {
      await prove(2, FEW, { engine: 'redis', address: server.url, name: newName() })
    } finally {
      await server.stop()
    }
  })
}

it(`on one file, ${title(2, FEW)}`, { timeout: PATIENCE_MS }, () =>
  prove(2, FEW, { engine: 'sqlite', address: join(folder, 'coffer.db'), name: newName() }),
)
