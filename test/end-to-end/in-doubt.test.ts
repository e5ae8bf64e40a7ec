import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { wallet } from '../../src/evm/wallet.ts'
import { memory } from '../../src/stores/memory.ts'
import { type FaultyRpc, startFaultyRpc } from '../chains/faulty-rpc.ts'
import {
  type Chains,
  type ClientKind,
  clientKinds,
  createPayerFor,
  startChains,
  stopChains,
} from '../clients/kinds.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { createWire, send } from '../clients/wire.ts'
import { at } from '../evm/signing.ts'
import { openShop, type Shop } from './shop.ts'

const PRICE = 10_000n

let chains: Chains
let evmRpc: FaultyRpc
let tempoRpc: FaultyRpc
let shop: Shop
const store = memory()

beforeAll(async () => {
  chains = await startChains()
  const [evm, tempo] = [chains.evm, chains.tempo]
  ;[evmRpc, tempoRpc] = await Promise.all([startFaultyRpc(evm.url), startFaultyRpc(tempo.url)])
  const wares = {
    '/report': { price: '0.01' },
    '/after': { price: '0.01', settle: 'after' },
    '/late': { price: '0.01' },
  } as const
  shop = await openShop(wares, {
    store,
    evm: [evm],
    tempo,
    evmRpc: evmRpc.url,
    tempoRpc: tempoRpc.url,
    settle: wallet(at(evm.accounts, 0).privateKey, { timeoutMs: 1000 }),
  })
})
afterEach(() => {
  for (const rpc of [evmRpc, tempoRpc]) rpc.fail = () => null
})
afterAll(async () => {
  await shop?.stop()
  await Promise.all([evmRpc?.stop(), tempoRpc?.stop()])
  await stopChains(chains)
})

const rpcOf = ({ chain }: ClientKind): FaultyRpc => (chain === 'evm' ? evmRpc : tempoRpc)
const SENDING = ['eth_sendRawTransaction', 'eth_sendRawTransactionSync']
const loseAnswers: FaultyRpc['fail'] = (method) =>
  SENDING.includes(method) || method === 'eth_getTransactionReceipt' ? 'drop-answer' : null

/** The payer's own transaction is no settlement of ours: nothing can get lost there. */
const settledByUs = clientKinds.filter(({ name }) => !name.includes('push'))

async function pay(kind: ClientKind, path: string) {
  const [payer, wire, ranBefore] = [await createPayerFor(kind, chains), createWire(), shop.runs(path)]
  const response = await kind.connect(payer, chains, wire.fetch)(shop.url + path)
  return {
    payer,
    response,
    again: () => send(wire.paid()),
    ran: () => shop.runs(path) - ranBefore,
    spent: async () => TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address)),
  }
}

describe.each(settledByUs)('a settlement for $name', (kind) => {
  it.each(['/report', '/after'])(
    'whose answer is lost is a 503 (%s); then the same credential works, and money moved once (case 4)',
    async (path) => {
      rpcOf(kind).fail = loseAnswers
      const { response, again, ran, spent } = await pay(kind, path)
      expect(response.status).toBe(503)
      expect(response.headers.has('retry-after')).toBe(true)
      for (const name of ['payment-required', 'www-authenticate', kind.receipt]) {
        expect(response.headers.has(name)).toBe(false)
      }
      expect(await response.json()).toMatchObject({ code: 'settlement-unknown', charged: 'unknown' })
      expect(ran()).toBe(path === '/after' ? 1 : 0)
      expect(await spent()).toBe(PRICE)

      expect((await again()).status).toBe(503)
      rpcOf(kind).fail = () => null
      const answer = await again()
      expect(answer.status).toBe(200)
      expect(answer.headers.has(kind.receipt)).toBe(true)
      expect((await again()).status).toBe(409)
      expect(await spent()).toBe(PRICE)
      // Work before money is done again for each try, unless the token itself says that it was paid.
      expect(ran()).toBeLessThanOrEqual(path === '/after' ? 3 : 1)
    },
  )

  it('that cannot start moves no money; then the same credential works', async () => {
    // Nobody is reached from the moment that the settlement begins; what was verified before is as it was.
    rpcOf(kind).fail = (method) => (SENDING.includes(method) ? { status: 503, body: {} } : null)
    const { response, again, ran, spent } = await pay(kind, '/report')
    expect(response.status).toBe(503)
    expect(await spent()).toBe(0n)
    expect(ran()).toBe(0)
    rpcOf(kind).fail = () => null
    expect((await again()).status).toBe(200)
    expect((await again()).status).toBe(409)
    expect(await spent()).toBe(PRICE)
    expect(ran()).toBe(1)
  })

  it.each(['drop', 'garbage', { status: 500, body: {} }] as const)(
    'with a node that is gone (%o) is a 503, never a bare 500 (fault 22)',
    async (fault) => {
      rpcOf(kind).fail = () => fault
      const { response, again, ran, spent } = await pay(kind, '/report')
      expect(response.status).toBe(503)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect([ran(), await spent()]).toEqual([0, 0n])
      rpcOf(kind).fail = () => null
      expect((await again()).status).toBe(200)
      expect([ran(), await spent()]).toEqual([1, PRICE])
    },
  )
})

it('settlements in doubt are found by the outbox too, and nothing is charged for them again', async () => {
  evmRpc.fail = loseAnswers
  tempoRpc.fail = loseAnswers
  const doubtful = await Promise.all(settledByUs.map((kind) => pay(kind, '/late')))
  expect(doubtful.map(({ response }) => response.status)).toEqual([503, 503, 503, 503])
  evmRpc.fail = () => null
  tempoRpc.fail = () => null
  for (let isSettled = false; !isSettled; await sleep(100)) {
    await shop.coffer.tick()
    const payments = await store.list({ start: 'payment/', end: 'payment0' })
    const stateOf = (address: string) =>
      payments.find(({ value }) => value['payer'] === address)?.value['state']
    isSettled = doubtful.every(({ payer }) => stateOf(payer.address) === 'settled')
  }
  for (const { again, spent } of doubtful) {
    expect((await again()).status).toBe(200)
    expect(shop.grants.at(-1)?.payment.redeemed).toBe(true)
    expect(await spent()).toBe(PRICE)
  }
  expect(shop.runs('/late')).toBe(4)
})
