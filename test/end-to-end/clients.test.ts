import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { mppEvm, x402V1, x402V2 } from '../clients/official.ts'
import { createEvmPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { receiptOf } from '../clients/receipts.ts'
import { newAddress, openShop, type Shop } from './shop.ts'

let chains: Chains
let base: EvmChain

beforeAll(async () => {
  ;[chains, base] = await Promise.all([startChains(), startEvmChain({ chainId: 8453 })])
})
afterAll(() => Promise.all([stopChains(chains), base?.stop()]))

describe('the official client of', () => {
  let shop: Shop
  beforeAll(async () => {
    const wares = {
      '/weather': { price: '0.01', description: 'The weather ☀️, "as quoted", 天気' },
      '/echo': {
        price: '0.25',
        serve: async (request: Request) => new Response(await request.arrayBuffer()),
      },
      '/by-size': { price: (request: Request) => `0.${new URL(request.url).searchParams.get('size')}` },
      '/free': { price: '0.00' },
    }
    shop = await openShop(wares, { evm: [chains.evm], tempo: chains.tempo })
  })
  afterAll(() => shop?.stop())

  describe.each(clientKinds)('$name', (kind) => {
    let payer: Payer
    const chain = () => chains[kind.chain]
    beforeAll(async () => {
      payer = await createPayerFor(kind, chains)
    })

    it.each([
      ['a GET', '/weather', {}, 10_000n],
      ['a POST, with its body', '/echo', { method: 'POST', body: '{"topic":"bees 🐝"}' }, 250_000n],
      ['a price that depends on the request', '/by-size?size=07', {}, 70_000n],
      ['a price of zero', '/free', {}, 0n],
      ['for a long query', `/weather?q=${'bees'.repeat(2500)}`, {}, 10_000n],
    ] as const)('pays %s, once and exactly', async (_what, target, init, price) => {
      const path = target.split('?')[0] ?? ''
      const balances = () =>
        Promise.all([payer.address, shop.seller].map((address) => chain().balanceOf(address)))
      const [before, ranBefore] = [await balances(), shop.runs(path)]
      const response = await kind.connect(payer, chains)(`${shop.url}${target}`, init)
      const text = await response.text()
      expect([response.status, shop.runs(path) - ranBefore]).toEqual([200, 1])
      if ('body' in init) expect(text).toBe(init.body)
      const after = await balances()
      expect(after.map((balance, at) => balance - (before[at] ?? 0n))).toEqual([-price, price])

      const { payment } = shop.grants.at(-1) ?? {}
      expect(payment).toMatchObject({
        payer: payer.address,
        network: `eip155:${chain().chainId}`,
        redeemed: false,
      })
      expect(response.headers.has(kind.receipt)).toBe(true)
      if (price === 0n) return expect(payment?.txHash).toBeNull()
      const transaction = receiptOf(response)
      expect(payment?.txHash).toBe(transaction)
      expect(await chain().request('eth_getTransactionReceipt', [transaction])).toMatchObject({
        status: '0x1',
      })
    })
  })
})

it('all of them at once, each with several payers, are served', async () => {
  const shop = await openShop({ '/weather': { price: '0.01' } }, { evm: [chains.evm], tempo: chains.tempo })
  const buyers = await Promise.all(
    [...clientKinds, ...clientKinds, ...clientKinds, ...clientKinds].map(async (kind) => {
      const payer = await createPayerFor(kind, chains)
      return { kind, payer, pay: kind.connect(payer, chains) }
    }),
  )
  const answers = await Promise.all(buyers.map(({ pay }) => pay(`${shop.url}/weather`)))
  expect(answers.map(({ status }) => status)).toEqual(buyers.map(() => 200))
  for (const { kind, payer } of buyers) {
    expect(TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address))).toBe(10_000n)
  }
  expect(new Set(answers.map(receiptOf)).size).toBe(buyers.length)
  expect(shop.runs('/weather')).toBe(buyers.length)
  await shop.stop()
})

describe('several wallets on several networks', () => {
  const [studio, archive, onBase] = [newAddress(), newAddress(), newAddress()]
  let shop: Shop
  let payer: Payer
  beforeAll(async () => {
    const wallets = {
      studio: { address: studio, networks: { 'eip155:8453': onBase } },
      archive: { address: archive },
    }
    const wares = {
      '/studio': { price: '0.02', wallet: 'studio' },
      '/archive': { price: '0.03', wallet: 'archive' },
    }
    shop = await openShop(wares, { evm: [chains.evm, base], wallets })
    payer = await createEvmPayer(chains.evm)
    await base.mint(payer.address, 10_000_000n)
  })
  afterAll(() => shop?.stop())

  it.each([
    ['v2', 'Base Sepolia', '/studio', 20_000n, studio, () => x402V2(payer.privateKey, 84532)],
    ['v2', 'Base', '/studio', 20_000n, onBase, () => x402V2(payer.privateKey, 8453)],
    ['v1', 'Base Sepolia', '/archive', 30_000n, archive, () => x402V1(payer.privateKey, chains.evm)],
    ['v1', 'Base', '/archive', 30_000n, archive, () => x402V1(payer.privateKey, base)],
    ['MPP', 'Base Sepolia', '/archive', 30_000n, archive, () => mppEvm(payer.privateKey, chains.evm)],
  ] as const)(
    '%s on %s pays the one of the route',
    async (_version, name, path, price, recipient, connect) => {
      const chain = name === 'Base' ? base : chains.evm
      const before = await chain.balanceOf(recipient)
      const response = await connect()(shop.url + path)
      expect(response.status).toBe(200)
      expect((await chain.balanceOf(recipient)) - before).toBe(price)
      expect(shop.grants.at(-1)).toMatchObject({
        payment: { network: `eip155:${chain.chainId}` },
        wallet: { id: path.slice(1), address: recipient, chain: `eip155:${chain.chainId}` },
      })
    },
  )
})
