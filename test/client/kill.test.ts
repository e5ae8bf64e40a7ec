import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { paid } from '../../adapters/fetch.ts'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { listen } from '../adapters/server.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { createEvmPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { isPaid } from '../clients/wire.ts'
import { createSeller } from '../end-to-end/shop.ts'
import { payFrom } from './agents.ts'
import type { KillAgentNews, KillAgentSetup } from './kill-agent.ts'

const KILLS = 100
const PRICE = 10_000n

/** Where a payment is when its payer is killed: each after the signature, and before the payer has noted its answer. */
const MOMENTS = ['signed', 'arrived', 'settled', 'answered'] as const
type Moment = (typeof MOMENTS)[number]

const folder = mkdtempSync(join(tmpdir(), 'coffer-agent-'))
const file = join(folder, 'agent.db')
let chain: EvmChain
let payer: Payer
let seller: ReturnType<typeof createSeller>
let server: Awaited<ReturnType<typeof listen>>

/** Told where a payment is. */
let reached: (moment: Moment) => void = () => {}
/** How often the handler ran, by order. */
const runs = new Map<string, number>()

beforeAll(async () => {
  chain = await startEvmChain()
  payer = await createEvmPayer(chain)
  seller = createSeller({ evm: [chain] })
  const sell = paid(seller.coffer, { price: '0.01' }, async (request) => {
    const order = new URL(request.url).searchParams.get('order') ?? ''
    runs.set(order, (runs.get(order) ?? 0) + 1)
    reached('settled')
    // Long enough that the next process finds it at work, at times.
    await sleep(60 * Math.random())
    return Response.json({ order })
  })
  server = await listen(async (req, res) => {
    const request = toRequest(req, res)
    if (request instanceof Response) return sendResponse(request, res)
    if (isPaid(request)) reached('arrived')
    const response = await sell(request)
    if (isPaid(request)) reached('answered')
    await sendResponse(response, res)
  })
})
afterAll(async () => {
  await server?.close()
  await seller?.coffer.close()
  await chain?.stop()
  rmSync(folder, { recursive: true })
})

/** Sends an agent for an order; kills it when its payment has got so far. `null` when it was killed. */
async function send(order: number, moment: Moment | null): Promise<string | null> {
  const program = fileURLToPath(new URL('kill-agent.ts', import.meta.url))
  const setup: KillAgentSetup = { ...payer, file, url: `${server.url}/report?order=${order}` }
  const agent = fork(program, [JSON.stringify(setup)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(agent, 'exit')
  let answer: string | null = null
  reached = (now) => {
    if (now === moment) kill(agent)
  }
  agent.on('message', (news: KillAgentNews) => {
    if ('answer' in news) answer = news.answer
    else reached('signed')
  })
  await ended
  reached = () => {}
  if (agent.signalCode !== null) return null
  return answer ?? expect.fail(`the agent ended with ${agent.exitCode}`)
}

function kill(agent: ChildProcess): void {
  // At once, or a moment later: until the answer comes there is some time.
  setTimeout(() => agent.kill('SIGKILL'), 10 * Math.random())
}

it(`killed ${KILLS} times between the signature and the answer, an agent has paid once for every answer`, {
  timeout: 900_000,
}, async () => {
  let kills = 0
  let order = 0
  for (; kills < KILLS; order++) {
    // Killed as often as it gets far enough, then left in peace.
    for (let attempt = 0; ; attempt++) {
      const moment =
        attempt < 3 && kills < KILLS ? (MOMENTS[(order + attempt) % MOMENTS.length] ?? null) : null
      const answer = await send(order, moment)
      if (answer === null) {
        kills++
        continue
      }
      expect(answer).toBe(`200 {"order":"${order}"}`)
      break
    }
  }

  const store = sqlite(file)
  const pay = payFrom(payer, { evm: chain }, { store })
  const attempts = await pay.attempts({ limit: 1000 })
  const paidFor = attempts.filter(({ state }) => state === 'paid')
  // Every order was paid by one attempt; what was never signed cost nothing.
  expect(new Set(paidFor.map(({ request }) => request.url)).size).toBe(order)
  expect(paidFor).toHaveLength(order)
  expect(attempts.filter(({ state }) => state !== 'paid' && state !== 'failed')).toEqual([])
  const spent = TEN_DOLLARS - (await chain.balanceOf(payer.address))
  expect(spent).toBe(BigInt(order) * PRICE)
  expect(await chain.balanceOf(seller.seller)).toBe(spent)
  expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: (order / 100).toString() } })
  expect([...runs.values()].filter((times) => times !== 1)).toEqual([])
  await store.close()
})
