import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendResponse } from '../../adapters/node-response.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { createFakeChain, type FakeChain } from '../../src/testing/fake-chain.ts'
import { listen } from '../adapters/server.ts'
import { mppEvm, type PayingFetch, x402V1, x402V2 } from '../clients/official.ts'
import { createPayer, type Payer } from '../clients/payers.ts'
import { receiptOf } from '../clients/receipts.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'

const PRICE = 10_000n
const DOLLAR = 1_000_000n

let chain: FakeChain
let node: Awaited<ReturnType<typeof listen>>
let shop: Shop

beforeAll(async () => {
  chain = createFakeChain()
  node = await listen(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    await sendResponse(await chain.fetch(chain.rpc.url, { method: 'POST', body }), response)
  })
  const settler = createPayer()
  chain.setGasMoney(settler.address)
  const wares = { '/report': { price: '0.01' }, '/free': { price: '0.00' } }
  const evm = [{ url: node.url, chainId: 84532, accounts: [settler] }]
  shop = await openShop(wares, { evm, settle: wallet(settler.privateKey) })
})
afterAll(async () => {
  await shop?.stop()
  await node?.close()
})

const clients: readonly (readonly [string, (payer: Payer) => PayingFetch])[] = [
  ['@x402/fetch', ({ privateKey }) => x402V2(privateKey)],
  [
    'x402-fetch',
    ({ privateKey }) => x402V1(privateKey, { url: node.url, chainId: 84532, usdc: chain.asset }),
  ],
  ['mppx', ({ privateKey }) => mppEvm(privateKey, { url: node.url, chainId: 84532, usdc: chain.asset })],
]

describe.each(clients)('%s', (_name, connect) => {
  it('pays a server on the fake chain, and takes its receipt for one of a real chain', async () => {
    const payer = createPayer()
    chain.fund(payer.address, DOLLAR)
    const earned = chain.balanceOf(shop.seller)
    const response = await connect(payer)(`${shop.url}/report`)
    expect(response.status).toBe(200)
    expect(receiptOf(response)).toBe(shop.grants.at(-1)?.payment.txHash)
    expect(chain.balanceOf(payer.address)).toBe(DOLLAR - PRICE)
    expect(chain.balanceOf(shop.seller)).toBe(earned + PRICE)
  })

  it('pays nothing for what costs nothing', async () => {
    expect((await connect(createPayer())(`${shop.url}/free`)).status).toBe(200)
  })

  it('is refused when its money is short', async () => {
    const payer = createPayer()
    chain.fund(payer.address, PRICE - 1n)
    const ranBefore = shop.runs('/report')
    const status = await connect(payer)(`${shop.url}/report`).then(
      (response) => response.status,
      () => 'given up',
    )
    expect([402, 'given up']).toContain(status)
    expect(shop.runs('/report')).toBe(ranBefore)
    expect(chain.balanceOf(payer.address)).toBe(PRICE - 1n)
  })
})
