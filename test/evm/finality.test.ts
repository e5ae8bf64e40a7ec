import { afterAll, beforeAll, expect, test } from 'vitest'
import { confirmPayment, watchesPayment } from '../../src/evm/finality.ts'
import { baseSepolia } from '../../src/evm/network.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { startFaultyRpc } from '../chains/faulty-rpc.ts'
import { at, authorize, recordOf, signTransfer } from './signing.ts'

let chain: EvmChain

beforeAll(async () => {
  chain = await startEvmChain()
  await chain.mint(at(chain.accounts, 1).address, 10_000_000n)
})
afterAll(() => chain.stop())

const networkAt = (url: string, finality?: number) =>
  baseSepolia({
    rpc: url,
    settle: wallet(at(chain.accounts, 0).privateKey),
    ...(finality !== undefined && { finality }),
  })

type Confirmed = Parameters<typeof confirmPayment>[0]

async function settle(url: string): Promise<Confirmed> {
  const network = networkAt(url)
  const payer = at(chain.accounts, 1)
  const validBefore = BigInt(Math.floor(Date.now() / 1000) + 300)
  const transfer = await signTransfer(network, payer, authorize(payer, { validBefore }))
  const settled = await network.settler.settle(transfer)
  if (settled.outcome !== 'settled') throw new Error(`not settled: ${settled.outcome}`)
  return {
    ...recordOf(transfer),
    transaction: settled.transaction,
    block: settled.block,
    claimedAt: Date.now(),
  }
}

test('a payment is final when it lies as deep as the network asks', async () => {
  const payment = await settle(chain.url)
  const network = networkAt(chain.url, 3)
  expect(await confirmPayment(payment, network)).toBe('pending')
  await chain.mine(2)
  expect(await confirmPayment(payment, network)).toBe('pending')
  await chain.mine(1)
  expect(await confirmPayment(payment, network)).toBe('final')
})

test('a payment whose block the chain took back has vanished', async () => {
  const takeBack = await chain.snapshot()
  const payment = await settle(chain.url)
  await takeBack()
  await chain.mine(1)
  expect(await confirmPayment(payment, networkAt(chain.url, 3))).toBe('vanished')
})

test('a transaction that made another transfer is not the one of a payment, whatever a facilitator said', async () => {
  const [payment, other] = [await settle(chain.url), await settle(chain.url)]
  await chain.mine(3)
  const lied = { ...payment, transaction: other.transaction, block: null }
  expect(await confirmPayment(lied, networkAt(chain.url, 3))).toBe('vanished')
  expect(await confirmPayment(payment, networkAt(chain.url, 3))).toBe('final')
})

test('a node that lags behind does not make a payment vanish', async () => {
  const behind = await chain.request('eth_getBlockByNumber', ['latest', false])
  const payment = await settle(chain.url)
  const node = await startFaultyRpc(chain.url)
  const says = (result: unknown) => ({ body: { jsonrpc: '2.0', id: 1, result } })
  node.fail = (method) => {
    if (method === 'eth_getTransactionReceipt') return says(null)
    return method === 'eth_getBlockByNumber' ? says(behind) : null
  }
  expect(await confirmPayment(payment, networkAt(node.url, 3))).toBe('pending')
  await node.stop()
})

test('a node that does not answer decides nothing', async () => {
  const payment = await settle(chain.url)
  const node = await startFaultyRpc(chain.url)
  node.fail = () => 'drop'
  expect(await confirmPayment(payment, networkAt(node.url, 3))).toBe('pending')
  await node.stop()
})

test('only payments with a transaction are watched, on networks that ask for it', () => {
  const transaction = `0x${'ab'.repeat(32)}`
  expect(watchesPayment({ transaction }, networkAt(chain.url, 3))).toBe(true)
  expect(watchesPayment({ transaction: null }, networkAt(chain.url, 3))).toBe(false)
  expect(watchesPayment({ transaction }, networkAt(chain.url))).toBe(false)
})

test.each([-1, 0.5, 100_001])('the finality of a network cannot be %d blocks', (finality) => {
  expect(() => networkAt(chain.url, finality)).toThrow(/^finality: /)
})
