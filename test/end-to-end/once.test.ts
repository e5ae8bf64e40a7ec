import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { preparePaid, type Sent, send } from '../clients/wire.ts'
import { codeOf } from '../gate/scripted.ts'
import { asV1, mppAsV1 } from './disguise.ts'
import { newAddress, openShop, type Shop } from './shop.ts'

const PRICE = 10_000n

let chains: Chains
beforeAll(async () => {
  chains = await startChains()
})
afterAll(() => stopChains(chains))

const statuses = (answers: readonly Response[]) => answers.map(({ status }) => status).sort()
const oneOf = (count: number): number[] => [200, ...Array<number>(count - 1).fill(409)]

/** Transactions that the settling wallet has made: one per settlement. */
const settlements = (): Promise<number> => {
  const [settler] = chains.evm.accounts
  if (!settler) throw new Error('the chain has no accounts')
  return chains.evm.client.getTransactionCount({ address: settler.address })
}

describe.each(clientKinds)('one credential of $name', (kind) => {
  let shop: Shop
  let payer: Payer
  beforeAll(async () => {
    shop = await openShop(
      {
        '/a': { price: '0.01' },
        '/b': { price: '0.01' },
        '/bound': { price: '0.01', bindBody: true },
        '/flaky': {
          price: '0.01',
          serve(_request, _grant, run) {
            if (run === 1) throw new Error('the handler failed')
            return new Response('', { status: [500, 400][run - 2] ?? 200 })
          },
        },
      },
      { evm: [chains.evm], tempo: chains.tempo },
    )
    payer = await createPayerFor(kind, chains)
  })
  afterAll(() => shop?.stop())

  const prepare = (path: string, init?: RequestInit): Promise<Sent> =>
    preparePaid((fetch) => kind.connect(payer, chains, fetch), shop.url + path, init)
  const earned = () => chains[kind.chain].balanceOf(shop.seller)
  const spent = async () => TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address))

  it('sent fifty times at once is settled once and runs one handler (case 1)', async () => {
    const [before, settledBefore] = [await earned(), await settlements()]
    const sent = await prepare('/a')
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(sent)))
    expect(statuses(answers)).toEqual(oneOf(50))
    expect(shop.runs('/a')).toBe(1)
    expect((await earned()) - before).toBe(PRICE)
    expect((await settlements()) - settledBefore).toBe(kind.chain === 'evm' ? 1 : 0)
    expect(await codeOf(await send(sent))).toBe('duplicate-payment')
  })

  it('buys no other route, no other method and no other body (case 8)', async () => {
    const [before, ranBefore] = [await spent(), shop.grants.length]
    const bought = await prepare('/bound', { method: 'POST', body: '{"topic":"bees"}' })
    // A v1 client says nothing about what it pays for: its first use decides.
    const isBound = kind.credential !== 'x-payment'
    if (!isBound) expect((await send(bought)).status).toBe(200)
    for (const change of [
      { url: `${shop.url}/b` },
      { url: `${shop.url}/bound?page=2` },
      { method: 'PUT' },
      { method: 'GET', body: null },
      { body: '{"topic":"wasps"}' },
    ]) {
      const answer = await send(bought, change)
      expect([change, answer.status]).toEqual([change, isBound ? 402 : 409])
      expect(await codeOf(answer)).toBe(isBound ? 'payment-verification-failed' : 'duplicate-payment')
    }
    if (isBound) {
      expect(shop.grants).toHaveLength(ranBefore)
      expect((await send(bought)).status).toBe(200)
    }
    expect(shop.grants).toHaveLength(ranBefore + 1)
    expect((await spent()) - before).toBe(PRICE)
  })

  it('redeems what it paid for when the handler failed, and is charged once (case 12)', async () => {
    const before = await spent()
    const sent = await prepare('/flaky')
    for (const [at, status] of [500, 500, 400].entries()) {
      const failed = await send(sent)
      expect(failed.status).toBe(status)
      expect(failed.headers.has(kind.receipt)).toBe(false)
      expect(shop.runs('/flaky')).toBe(at + 1)
      const elsewhere = await send(sent, { url: `${shop.url}/b` })
      expect([elsewhere.status, await codeOf(elsewhere)]).toEqual([409, 'duplicate-payment'])
    }
    expect(shop.runs('/b')).toBe(0)
    const answer = await send(sent)
    expect(answer.status).toBe(200)
    expect(answer.headers.has(kind.receipt)).toBe(true)
    expect(shop.grants.at(-1)?.payment.redeemed).toBe(true)
    expect((await send(sent)).status).toBe(409)
    expect(shop.runs('/flaky')).toBe(4)
    expect((await spent()) - before).toBe(PRICE)
  })
})

describe('one authorization', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop({ '/a': { price: '0.01' } }, { evm: [chains.evm], tempo: chains.tempo })
  })
  afterAll(() => shop?.stop())

  it.each([
    ['x402 v2 and v1', 'x402 v2', asV1],
    ['MPP and x402', 'MPP evm', mppAsV1],
  ] as const)('presented as %s at once pays once', async (_what, name, disguise) => {
    const kind = clientKinds.find((kind) => kind.name.startsWith(name))
    if (!kind) throw new Error(`no client of ${name}`)
    const payer = await createPayerFor(kind, chains)
    const [settledBefore, ranBefore] = [await settlements(), shop.runs('/a')]
    const sent = await preparePaid((fetch) => kind.connect(payer, chains, fetch), `${shop.url}/a`)
    const disguised = disguise(sent)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => send(at % 2 === 0 ? sent : disguised)),
    )
    expect(statuses(answers)).toEqual(oneOf(20))
    expect(shop.runs('/a') - ranBefore).toBe(1)
    expect((await settlements()) - settledBefore).toBe(1)
    expect(TEN_DOLLARS - (await chains.evm.balanceOf(payer.address))).toBe(PRICE)
  })

  it.each(['x402 v2', 'x402 v1', 'MPP evm'])(
    'of %s that was spent buys nothing from a shop whose books are lost: the chain remembers',
    async (name) => {
      const kind = clientKinds.find((kind) => kind.name.startsWith(name))
      if (!kind) throw new Error(`no client of ${name}`)
      const payer = await createPayerFor(kind, chains)
      const options = { evm: [chains.evm], realm: 'shop.test', wallets: { main: { address: newAddress() } } }
      const [before, after] = [
        await openShop({ '/a': { price: '0.01' } }, options),
        await openShop({ '/a': { price: '0.01' } }, options),
      ]
      const sent = await preparePaid((fetch) => kind.connect(payer, chains, fetch), `${before.url}/a`)
      expect((await send(sent)).status).toBe(200)
      expect((await send(sent, { url: `${after.url}/a` })).status).toBe(402)
      expect([before.runs('/a'), after.runs('/a')]).toEqual([1, 0])
      expect(TEN_DOLLARS - (await chains.evm.balanceOf(payer.address))).toBe(PRICE)
      await Promise.all([before.stop(), after.stop()])
    },
  )
})
