import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { paymentOf } from '../../src/client/paid-answer.ts'
import type { PayEvent } from '../../src/client/pay-event.ts'
import { listen } from '../adapters/server.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, TEN_DOLLARS } from '../clients/payers.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { type AgentKind, agentKinds, createAgent, payFrom } from './agents.ts'

let chains: Chains
let shop: Shop

beforeAll(async () => {
  chains = await startChains()
  const wares = {
    '/weather': { price: '0.01', description: 'The weather' },
    '/echo': {
      price: '0.25',
      bindBody: true,
      serve: async (request: Request) => new Response(await request.arrayBuffer()),
    },
    '/free': { price: '0.00' },
    '/step': { price: '0.01', acceptSessions: true },
  }
  shop = await openShop(wares, { evm: [chains.evm], tempo: chains.tempo })
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
})

describe.each(agentKinds)('$name', (kind: AgentKind) => {
  it.each([
    ['a GET', '/weather', {}, '0.01', 10_000n],
    [
      'a POST, with a body that is bound',
      '/echo',
      { method: 'POST', body: '{"topic":"bees 🐝"}' },
      '0.25',
      250_000n,
    ],
    ['a price of zero', '/free', {}, '0', 0n],
  ] as const)('pays %s, once and exactly', async (_what, path, init, amount, units) => {
    const events: PayEvent[] = []
    const { payer, pay } = await createAgent(kind, chains, { onEvent: (event) => events.push(event) })
    const chain = chains[kind.chain]
    const [before, ran] = [await chain.balanceOf(shop.seller), shop.runs(path)]
    const response = await pay(shop.url + path, init)
    const text = await response.text()
    expect([response.status, shop.runs(path) - ran]).toEqual([200, 1])
    if ('body' in init) expect(text).toBe(init.body)
    expect(TEN_DOLLARS - (await chain.balanceOf(payer.address))).toBe(units)
    expect((await chain.balanceOf(shop.seller)) - before).toBe(units)

    const { payment } = shop.grants.at(-1) ?? {}
    const paid = paymentOf(response)
    expect(paid).toMatchObject({
      amount,
      transaction: payment?.txHash ?? null,
      receipt: { status: 'matches', differences: [] },
      attempt: { state: 'paid', isOpen: false, payment: { amount, usd: amount, payer: payer.address } },
    })
    expect(events.map(({ type }) => type)).toEqual(['reserved', 'sent', 'paid'])
    expect(await pay.attempts()).toEqual([paid?.attempt])
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: amount } })
  })
})

it('a session is worked on with, and ended at the server by its own id', async () => {
  const payer = await createEvmPayer(chains.evm)
  const pay = payFrom(payer, chains)
  const step = `${shop.url}/step`
  const session = paymentOf(await pay(step))?.session
  for (let steps = 0; steps < 3; steps++) expect((await pay(step)).status).toBe(200)
  expect([shop.runs('/step'), TEN_DOLLARS - (await chains.evm.balanceOf(payer.address))]).toEqual([
    4,
    10_000n,
  ])
  const id = shop.grants.at(-1)?.session?.id ?? ''
  expect(await shop.coffer.sessions.get(id)).not.toBeNull()
  expect(await pay.sessions.end(session?.id ?? '', shop.url)).toBe('revoked')
  expect(await shop.coffer.sessions.get(id)).toBeNull()
})

it('x402 version 1 is paid where the server speaks nothing else', async () => {
  // The same shop, seen by a client that is told nothing but the body.
  const { url, close } = await listen(async (req, res) => {
    const request = toRequest(req, res)
    if (request instanceof Response) return sendResponse(request, res)
    const { pathname, search } = new URL(request.url)
    const answer = await fetch(new Request(shop.url + pathname + search, request))
    const headers = new Headers(answer.headers)
    for (const name of ['payment-required', 'www-authenticate']) headers.delete(name)
    const body = (await answer.text()).replaceAll(new URL(shop.url).host, request.headers.get('host') ?? '')
    headers.delete('content-length')
    await sendResponse(new Response(body, { status: answer.status, headers }), res)
  })
  const payer = await createEvmPayer(chains.evm)
  const response = await payFrom(payer, chains)(`${url}/weather`)
  expect([response.status, response.headers.has('x-payment-response')]).toEqual([200, true])
  expect(paymentOf(response)).toMatchObject({
    receipt: { status: 'matches' },
    attempt: { payment: { method: 'exact' } },
  })
  expect(TEN_DOLLARS - (await chains.evm.balanceOf(payer.address))).toBe(10_000n)
  await close()
})
