import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseAbiItem } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sqlite } from '../../src/stores/sqlite.ts'
import { prefixRange, type Store } from '../../src/stores/store.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { at } from '../evm/signing.ts'
import { signCredential } from './credentials.ts'
import type { KillShopNews, KillShopSetup } from './kill-shop.ts'
import { createSeller, newAddress } from './shop.ts'

const PAYMENTS = 200
const PATHS = ['/before', '/after', '/background'] as const
const AT_ONCE = 8
const PRICE = 10_000n
/** Answers from one kill to the next, at least. */
const ANSWERS = 12

const folder = mkdtempSync(join(tmpdir(), 'coffer-kill-'))
const file = join(folder, 'coffer.db')
const seller = newAddress()
let chain: EvmChain
let shop: ChildProcess
let shopPort = 0
let relay: Server

/** How often the handler ran, by payment. */
const runs = new Map<string, number>()
let kills = 0

beforeAll(async () => {
  chain = await startEvmChain()
  await Promise.all(payers().map(({ address }) => chain.mint(address, TEN_DOLLARS)))
  await openShop()
  // The shop opens at another port each time; payers know one address.
  relay = createServer((client) => {
    const upstream = connect(shopPort, '127.0.0.1')
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy())
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy())
    client.pipe(upstream).pipe(client)
  })
  await once(relay.listen(0, '127.0.0.1'), 'listening')
})
afterAll(async () => {
  if (shop) await end(shop)
  relay?.close()
  await chain?.stop()
  rmSync(folder, { recursive: true })
})

const payers = () => chain.accounts.slice(1, 1 + AT_ONCE)
const origin = (): string => `http://127.0.0.1:${(relay.address() as AddressInfo).port}`

/** Opens the shop on its books. */
async function openShop(): Promise<void> {
  const { url, chainId, accounts } = chain
  const setup: KillShopSetup = { file, seller, chain: { url, chainId, accounts: accounts.slice(0, 1) } }
  const program = fileURLToPath(new URL('kill-shop.ts', import.meta.url))
  shop = fork(program, [JSON.stringify(setup)], { execArgv: [] })
  await new Promise<void>((resolve, reject) => {
    shop.on('message', (news: KillShopNews) => {
      if ('ran' in news) return runs.set(news.ran, (runs.get(news.ran) ?? 0) + 1)
      shopPort = news.port
      resolve()
    })
    shop.once('exit', () => reject(new Error('the shop did not open')))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** How a payer fared with one credential. */
interface Outcome {
  readonly hasKey: boolean
  readonly statuses: readonly number[]
  /** The payment that the answer names; `null` when it was refused for good. */
  readonly paymentId: string | null
  /** The problem that refused it for good. */
  readonly refusal: string | null
  /** How often the shop was killed meanwhile. */
  readonly kills: number
}

/** Pays as a client does that keeps its credential until it has an answer. */
async function buy(number: number, challenges: readonly Response[]): Promise<Outcome> {
  const kind = number % PATHS.length
  const [url, unpaid] = [origin() + at(PATHS, kind), at(challenges, kind)]
  // The chain's clock runs ahead, since its blocks come faster than seconds.
  const order = { unpaid, seller, price: PRICE, validity: 3600 }
  const headers = new Headers(await signCredential(chain, at(payers(), number % AT_ONCE), order))
  // Every other payer can have an answer again that got lost on its way.
  const hasKey = number % 2 === 0
  if (hasKey) headers.set('idempotency-key', `request-${number}`)
  const before = kills
  const statuses: number[] = []
  for (;;) {
    const reply = await exchange(url, headers)
    if (reply !== null) statuses.push(reply.status)
    const { paymentId = null, code = null, retryable } = reply?.body ?? { retryable: true }
    if (retryable !== true) return { hasKey, statuses, paymentId, refusal: code, kills: kills - before }
    await sleep(50)
  }
}

/** What the shop answers; `null` when the connection breaks. */
async function exchange(url: string, headers: Headers) {
  try {
    const response = await fetch(url, { headers })
    const body = (await response.json()) as { paymentId?: string; code?: string; retryable?: boolean }
    return { status: response.status, body }
  } catch {
    return null
  }
}

/** Kills the shop and opens it again, at random moments, until there are answers enough. */
async function killAgainAndAgain(answers: readonly unknown[]): Promise<void> {
  for (let seen = 0; answers.length < PAYMENTS; await sleep(5)) {
    if (answers.length < seen + ANSWERS) continue
    await sleep(100 * Math.random())
    await end(shop)
    kills++
    await openShop()
    seen = answers.length
  }
}

/** Blocks come now and then, so that a kill finds transactions on their way. */
async function mineNowAndThen(answers: readonly unknown[]): Promise<void> {
  await chain.request('evm_setAutomine', [false])
  for (; answers.length < PAYMENTS; await sleep(60)) await chain.mine()
}

async function valuesOf(store: Store, prefix: string) {
  const range = prefixRange(prefix)
  return (await store.list(range, { limit: 1000 })).map(({ value }) => value)
}

it('a shop that is killed again and again charges everybody once, and loses nothing (case 3)', async () => {
  const challenges = await Promise.all(PATHS.map((path) => fetch(origin() + path)))
  const outcomes: Outcome[] = []
  let number = 0
  const payOn = async (): Promise<void> => {
    while (number < PAYMENTS) outcomes.push(await buy(number++, challenges))
  }
  await Promise.all([
    ...Array.from({ length: AT_ONCE }, payOn),
    killAgainAndAgain(outcomes),
    mineNowAndThen(outcomes),
  ])
  expect(kills).toBeGreaterThan(5)
  await end(shop)

  // Answers: nobody is ever asked to pay again, and a handler runs twice only when the first answer went nowhere.
  for (const { hasKey, statuses, paymentId, refusal, kills } of outcomes) {
    expect(statuses).not.toContain(402)
    expect(statuses).not.toContain(500)
    // Without a key, what was on its way to the payer when the shop died counts as delivered.
    expect(refusal).toSatisfy((code) => code === null || (!hasKey && code === 'duplicate-payment'))
    const doubts = statuses.filter((status) => status === 503).length
    expect(runs.get(paymentId ?? '') ?? 0).toBeLessThanOrEqual(1 + kills + doubts)
  }
  const answered = outcomes.flatMap(({ paymentId }) => paymentId ?? [])
  expect(new Set(answered).size).toBe(answered.length)

  // Books: the outbox comes to rest, and all is settled and delivered.
  await chain.request('evm_setAutomine', [true])
  await chain.mine()
  const clock = (): number => Date.now() + 3_600_000
  const store = sqlite(file, { clock })
  const { coffer } = createSeller({ evm: [chain], store, clock })
  for (; (await valuesOf(store, 'due/')).length > 0; await sleep(100)) await coffer.tick()
  const payments = await valuesOf(store, 'payment/')
  expect(payments).toHaveLength(PAYMENTS)
  for (const payment of payments) expect(payment).toMatchObject({ state: 'settled', delivery: 'delivered' })
  expect(await valuesOf(store, 'dead/')).toEqual([])
  await coffer.close()

  // Money: every authorization once, all of them.
  expect(await chain.balanceOf(seller)).toBe(BigInt(PAYMENTS) * PRICE)
  const event = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)')
  const filter = { address: chain.usdc.address, event, args: { to: seller }, fromBlock: 0n } as const
  expect(await chain.client.getLogs(filter)).toHaveLength(PAYMENTS)
}, 180_000)
