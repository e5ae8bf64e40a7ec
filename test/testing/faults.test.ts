import { describe, expect, it } from 'vitest'
import { paid } from '../../adapters/fetch.ts'
import { createCoffer, type RouteOptions } from '../../src/index.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { evm } from '../../src/protocols/mpp/evm.ts'
import { mpp } from '../../src/protocols/mpp/index.ts'
import { facilitator } from '../../src/protocols/x402/facilitator.ts'
import { x402 } from '../../src/protocols/x402/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createFakeChain } from '../../src/testing/fake-chain.ts'
import { createFakeClock } from '../../src/testing/fake-clock.ts'
import { createFakeFacilitator } from '../../src/testing/fake-facilitator.ts'
import type { Fault } from '../../src/testing/fault.ts'
import { createTestPayer, type PayerDialect } from '../../src/testing/test-payer.ts'
import { newAddress } from '../end-to-end/shop.ts'

const PRICE = 10_000n
const DOLLAR = 1_000_000n

/** A seller whose chain and facilitator can be made to fail. */
function createSeller(settlesWith: 'wallet' | 'facilitator', route: Partial<RouteOptions> = {}) {
  const clock = createFakeClock()
  const chain = createFakeChain({ clock })
  const fake = createFakeFacilitator(chain)
  const seller = newAddress()
  const settle = facilitator({ ...fake.endpoint, timeoutMs: 1000 })
  const network = chain.network(settlesWith === 'facilitator' ? { settle } : {})
  const coffer = createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: seller } },
    protocols: [x402({ networks: [network] }), mpp({ methods: [evm({ network })] })],
    store: memory({ clock }),
    clock,
  })
  let runs = 0
  const handler = paid(coffer, { price: '0.01', ...route }, () => {
    runs++
    return new Response('a report')
  })
  return { chain, fake, coffer, clock, handler, runs: () => runs, earned: () => chain.balanceOf(seller) }
}

const ask = () => new Request('https://api.test/report')
const codeOf = async (response: Response): Promise<unknown> => ((await response.json()) as JsonObject)['code']

describe.each<PayerDialect>(['x402', 'x402-v1', 'mpp'])('a payment by %s', (protocol) => {
  it('whose settlement lands although its answer is lost is in doubt, and then paid for, once', async () => {
    const { chain, handler, runs, earned } = createSeller('wallet')
    const payer = createTestPayer({ chain, protocol })
    chain.disturb((call) => (call === 'eth_sendRawTransaction' ? 'lost' : null))
    const request = await payer.pay(ask(), await handler(ask()))
    const doubtful = await handler(request.clone())
    expect([doubtful.status, await codeOf(doubtful)]).toEqual([503, 'settlement-unknown'])
    expect([runs(), earned()]).toEqual([0, PRICE])
    chain.disturb(null)
    expect((await handler(request.clone())).status).toBe(200)
    expect((await handler(request)).status).toBe(409)
    expect([runs(), earned(), chain.balanceOf(payer.address)]).toEqual([1, PRICE, 10n * DOLLAR - PRICE])
  })

  it('while the chain cannot be reached costs nothing, and goes through when it can', async () => {
    const { chain, handler, runs, earned } = createSeller('wallet')
    const payer = createTestPayer({ chain, protocol })
    const request = await payer.pay(ask(), await handler(ask()))
    chain.disturb('down')
    expect((await handler(request.clone())).status).toBe(503)
    expect([runs(), earned()]).toEqual([0, 0n])
    chain.disturb(null)
    expect((await handler(request)).status).toBe(200)
    expect([runs(), earned()]).toEqual([1, PRICE])
  })

  it.each<[string, Fault]>([
    ['answers HTML', 'html'],
    ['breaks', 'broken'],
    ['is silent', 'silent'],
    ['loses its answer', 'lost'],
  ])('is in doubt when the facilitator %s', async (_what, fault) => {
    const { chain, fake, coffer, clock, handler, runs, earned } = createSeller('facilitator')
    const payer = createTestPayer({ chain, protocol })
    const request = await payer.pay(ask(), await handler(ask()))
    fake.disturb((call) => (call === 'settle' ? fault : null))
    const doubtful = await handler(request.clone())
    expect([doubtful.status, await codeOf(doubtful)]).toEqual([503, 'settlement-unknown'])
    const landed = fault === 'silent' || fault === 'lost'
    expect([runs(), earned()]).toEqual([0, landed ? PRICE : 0n])
    fake.disturb(null)
    clock.advance(3000)
    await coffer.tick()
    expect((await handler(request)).status).toBe(200)
    expect([runs(), earned()]).toEqual([1, PRICE])
    expect(fake.calls.filter((call) => call === 'settle')).toHaveLength(landed ? 1 : 2)
  })
})

it('a facilitator that names another payer is not believed', async () => {
  const { chain, fake, handler, runs } = createSeller('facilitator')
  const payer = createTestPayer({ chain })
  fake.disturb({ answer: (honest) => ({ ...honest, payer: newAddress() }) })
  expect((await payer.fetch(handler, ask())).status).toBe(503)
  expect(runs()).toBe(0)
})

it('a facilitator that claims success and moves nothing is found out by the balance', async () => {
  const { chain, fake, handler, earned } = createSeller('facilitator')
  const payer = createTestPayer({ chain, funds: '0' })
  const transaction = `0x${'ab'.repeat(32)}`
  fake.disturb({ answer: (honest) => ({ ...honest, success: true, transaction }) })
  expect((await payer.fetch(handler, ask())).status).toBe(200)
  expect(earned()).toBe(0n)
})

it('a slow facilitator is waited for', async () => {
  const { chain, fake, handler, earned } = createSeller('facilitator')
  fake.disturb({ delayMs: 50 })
  expect((await createTestPayer({ chain }).fetch(handler, ask())).status).toBe(200)
  expect(earned()).toBe(PRICE)
})

it('a payment in the background settles when the outbox runs', async () => {
  const { chain, coffer, handler, earned } = createSeller('wallet', { settle: 'background' })
  const payer = createTestPayer({ chain })
  expect((await payer.fetch(handler, ask())).status).toBe(200)
  expect(earned()).toBe(0n)
  await coffer.tick()
  expect(earned()).toBe(PRICE)
})

it('an authorization that expires on its way is refused, and nothing moves', async () => {
  const { chain, clock, handler, runs, earned } = createSeller('wallet')
  const payer = createTestPayer({ chain })
  const request = await payer.pay(ask(), await handler(ask()))
  clock.advance(301_000)
  const response = await handler(request)
  expect([response.status, await codeOf(response)]).toEqual([402, 'challenge-expired'])
  expect([runs(), earned()]).toEqual([0, 0n])
})
