import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Chains,
  type ClientKind,
  clientKinds,
  createPayerFor,
  startChains,
  stopChains,
} from '../clients/kinds.ts'
import { x402V2 } from '../clients/official.ts'
import { createPayer, TEN_DOLLARS } from '../clients/payers.ts'
import { createWire, send } from '../clients/wire.ts'
import { openShop, type Shop, type Ware } from './shop.ts'

const PRICE = 10_000n

let chains: Chains
let shop: Shop
const { promise: bothWork, resolve: letBothAnswer } = Promise.withResolvers<Response>()

beforeAll(async () => {
  chains = await startChains()
  const flaky: Ware['serve'] = (_request, _grant, run) =>
    new Response(`run ${run}`, { status: run % 2 === 1 ? 500 : 200 })
  const wares: Record<string, Ware> = {
    '/after': { price: '0.01', settle: 'after', serve: flaky },
    '/contested': { price: '0.01', settle: 'after', serve: async () => (await bothWork).clone() },
    '/background': { price: '0.01', settle: 'background' },
    '/flaky-background': { price: '0.01', settle: 'background', serve: flaky },
    '/dear': { price: '0.60', settle: 'background' },
  }
  shop = await openShop(wares, { evm: [chains.evm], tempo: chains.tempo })
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
})

async function createBuyer(kind: ClientKind) {
  const [payer, wire] = [await createPayerFor(kind, chains), createWire()]
  const pay = kind.connect(payer, chains, wire.fetch)
  return {
    payer,
    buy: (path: string) => pay(shop.url + path),
    again: () => send(wire.paid()),
    spent: async () => TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address)),
  }
}

/** Those whose money we move. A payer that has sent its transaction has paid, whatever the mode. */
const settledByUs = clientKinds.filter(({ name }) => !name.includes('push'))

describe.each(settledByUs)("settle: 'after' with $name", (kind) => {
  it('charges nothing for a handler that fails, and the same credential buys the next try', async () => {
    const { buy, again, spent } = await createBuyer(kind)
    const failed = await buy('/after')
    expect([failed.status, failed.headers.has(kind.receipt), await spent()]).toEqual([500, false, 0n])
    const answer = await again()
    expect([answer.status, answer.headers.has(kind.receipt), await spent()]).toEqual([200, true, PRICE])
    expect((await again()).status).toBe(409)
    expect(await spent()).toBe(PRICE)
  })
})

it("settle: 'after' withholds the answer of who can pay only one of two", async () => {
  const payer = createPayer()
  await chains.evm.mint(payer.address, PRICE)
  const pay = x402V2(payer.privateKey, chains.evm.chainId)
  const answers = [pay(`${shop.url}/contested`), pay(`${shop.url}/contested`)]
  while (shop.runs('/contested') < 2) await sleep(10)
  letBothAnswer(Response.json({ secret: 'what costs money' }))
  const [paid, unpaid] = (await Promise.all(answers)).sort((one, other) => one.status - other.status)
  expect([paid?.status, unpaid?.status]).toEqual([200, 402])
  expect(await unpaid?.json()).toMatchObject({ code: 'payment-verification-failed', charged: false })
  expect([await chains.evm.balanceOf(payer.address), shop.runs('/contested')]).toEqual([0n, 2])
})

describe.each(settledByUs)("settle: 'background' with $name", (kind) => {
  const settleAll = async () => {
    while ((await shop.coffer.tick()) > 0);
  }

  it('answers at once, and the outbox moves the money, once', async () => {
    const { buy, again, spent } = await createBuyer(kind)
    const answer = await buy('/background')
    expect([answer.status, await spent()]).toEqual([200, 0n])
    // MPP has receipts for settled payments only; x402 has one that says so.
    const pending =
      kind.receipt === 'payment-receipt' ? null : { success: true, transaction: '', status: 'pending' }
    const receipt = answer.headers.get(kind.receipt)
    expect(receipt && JSON.parse(Buffer.from(receipt, 'base64').toString())).toEqual(
      pending && expect.objectContaining(pending),
    )
    expect((await again()).status).toBe(409)
    await Promise.all([settleAll(), settleAll()])
    expect(await spent()).toBe(PRICE)
    expect((await again()).status).toBe(409)
    expect(await spent()).toBe(PRICE)
  })

  it('redeems what it will have paid for when the handler fails', async () => {
    const { buy, again, spent } = await createBuyer(kind)
    expect((await buy('/flaky-background')).status).toBe(500)
    await settleAll()
    const answer = await again()
    expect([answer.status, answer.headers.has(kind.receipt), await spent()]).toEqual([200, true, PRICE])
  })

  it('moves the money first when too much is unsettled', async () => {
    const [first, second] = [await createBuyer(kind), await createBuyer(kind)]
    expect((await first.buy('/dear')).status).toBe(200)
    expect(await first.spent()).toBe(0n)
    expect((await second.buy('/dear')).status).toBe(200)
    expect(await second.spent()).toBe(600_000n)
    await settleAll()
    expect(await first.spent()).toBe(600_000n)
  })
})

describe('a payer that has sent its own transaction', () => {
  const kind = clientKinds.find(({ name }) => name.includes('push'))
  it.each(['/after', '/flaky-background'])(
    'has paid before the handler runs (%s), and redeems it',
    async (path) => {
      if (!kind) throw new Error('there is no such client')
      const { buy, again, spent } = await createBuyer(kind)
      expect((await buy(path)).status).toBe(500)
      expect(await spent()).toBe(PRICE)
      const answer = await again()
      expect([answer.status, answer.headers.has(kind.receipt)]).toEqual([200, true])
      expect(await spent()).toBe(PRICE)
    },
  )
})
