import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { baseSepolia } from '../../src/evm/network.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { type Coffer, createCoffer, type RouteOptions } from '../../src/index.ts'
import { x402 } from '../../src/protocols/x402/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { prefixRange } from '../../src/stores/store.ts'
import { type Account, type EvmChain, startEvmChain } from '../chains/evm.ts'
import { createEvmPayer, createPayer } from '../clients/payers.ts'
import { at } from '../evm/signing.ts'
import { codeOf } from '../gate/scripted.ts'
import { signCredential } from './credentials.ts'
import { type FailingNode, failures, startFailingNode } from './failing-node.ts'
import { newAddress } from './shop.ts'

const PRICE = 10_000n
const ROUTES = {
  before: { price: '0.01' },
  after: { price: '0.01', settle: 'after' },
  background: { price: '0.01', settle: 'background' },
} as const satisfies Record<string, RouteOptions>

let chain: EvmChain
let node: FailingNode
let coffer: Coffer
const seller = newAddress()
const store = memory()

beforeAll(async () => {
  chain = await startEvmChain()
  node = await startFailingNode(chain.url)
  const rpc = { url: node.url, timeoutMs: 800 }
  const settle = wallet(at(chain.accounts, 0).privateKey, { timeoutMs: 1500 })
  coffer = createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: seller } },
    protocols: [x402({ networks: [baseSepolia({ rpc, settle })] })],
    store,
    challengeLimit: false,
  })
})
afterEach(async () => {
  node.meddle = () => null
  await chain.request('evm_setAutomine', [true])
})
afterAll(async () => {
  node?.stop()
  await chain?.stop()
})

/** A payer that has signed for a route, and what becomes of it. */
async function prepare(mode: keyof typeof ROUTES, account?: Account) {
  const payer = account ?? (await createEvmPayer(chain))
  const url = `https://shop.test/${mode}`
  const unpaid = await coffer.handle(new Request(url), ROUTES[mode])
  if (!(unpaid instanceof Response)) throw new Error('nobody has to pay')
  const headers = await signCredential(chain, payer, { unpaid, seller, price: PRICE })
  const before = await chain.balanceOf(payer.address)
  let ran = 0
  return {
    payer,
    ran: () => ran,
    spent: async () => before - (await chain.balanceOf(payer.address)),
    /** Whether the book says that its money moved. */
    async isSettled(): Promise<boolean> {
      const payments = await store.list(prefixRange('payment/'))
      return payments.some(({ value }) => value['payer'] === payer.address && value['state'] === 'settled')
    },
    /** Sends the credential, always the same. */
    async send(): Promise<Response> {
      const outcome = await coffer.handle(new Request(url, { headers }), ROUTES[mode])
      if (outcome instanceof Response) return outcome
      ran++
      return outcome.finish(new Response('what was paid for'))
    },
  }
}

type Purchase = Awaited<ReturnType<typeof prepare>>

async function expectDoubt({ send }: Purchase, code: string): Promise<void> {
  const answer = await send()
  expect(answer.status).toBe(503)
  expect(answer.headers.has('retry-after')).toBe(true)
  expect(answer.headers.has('payment-required')).toBe(false)
  expect(await codeOf(answer)).toBe(code)
}

/** The same credential works now, and once. */
async function expectSale({ send, spent }: Purchase): Promise<void> {
  const answer = await send()
  expect([answer.status, await answer.text()]).toEqual([200, 'what was paid for'])
  expect(answer.headers.has('payment-response')).toBe(true)
  expect((await send()).status).toBe(409)
  expect(await spent()).toBe(PRICE)
}

const SEND = 'eth_sendRawTransaction'

describe.each(failures)('a node that fails (%s)', (failure) => {
  it('before the settlement begins moves no money; then the same credential works (case 6)', async () => {
    const purchase = await prepare('before')
    node.meddle = (method) => (method === 'eth_call' ? { when: 'before', failure } : null)
    await expectDoubt(purchase, 'settlement-unavailable')
    expect([purchase.ran(), await purchase.spent()]).toEqual([0, 0n])
    node.meddle = () => null
    await expectSale(purchase)
    expect(purchase.ran()).toBe(1)
  })

  it.each([
    ['before it has the transaction', 'before', 0n],
    ['when it has the transaction', 'after', PRICE],
  ] as const)(
    '%s leaves a doubt; then the same credential works, charged once',
    async (_what, when, moved) => {
      const purchase = await prepare('before')
      node.meddle = (method) => (method === SEND ? { when, failure } : null)
      await expectDoubt(purchase, 'settlement-unknown')
      expect(purchase.ran()).toBe(0)
      // The chain says that it has a transaction before it has mined it.
      await expect.poll(() => purchase.spent(), { timeout: 10_000 }).toBe(moved)
      node.meddle = () => null
      await expectSale(purchase)
      expect(purchase.ran()).toBe(1)
    },
  )

  it('while it is asked what became of the transaction leaves a doubt; then the answer is given', async () => {
    const purchase = await prepare('after')
    node.meddle = (method) => (method === 'eth_getTransactionReceipt' ? { when: 'after', failure } : null)
    await expectDoubt(purchase, 'settlement-unknown')
    expect(await purchase.spent()).toBe(PRICE)
    node.meddle = () => null
    await expectSale(purchase)
  })

  it('when the outbox settles is asked again until the money moved, once', async () => {
    const purchase = await prepare('background')
    expect((await purchase.send()).status).toBe(200)
    node.meddle = (method) => (method === SEND ? { when: 'after', failure } : null)
    await coffer.tick()
    node.meddle = () => null
    for (; !(await purchase.isSettled()); await sleep(100)) await coffer.tick()
    expect((await purchase.send()).status).toBe(409)
    expect([purchase.ran(), await purchase.spent()]).toEqual([1, PRICE])
  })
})

describe('a slow chain', () => {
  it('is waited for while it answers in time', async () => {
    node.delayMs = 150
    await expectSale(await prepare('before'))
    node.delayMs = 0
  })

  it('may take the transaction after everybody has stopped waiting, and after another attempt', async () => {
    const purchase = await prepare('before')
    await chain.request('evm_setAutomine', [false])
    await expectDoubt(purchase, 'settlement-unknown')
    await expectDoubt(purchase, 'settlement-unknown')
    expect(await purchase.spent()).toBe(0n)
    await chain.mine()
    expect(await purchase.spent()).toBe(PRICE)
    await chain.request('evm_setAutomine', [true])
    await expectSale(purchase)
  })

  it('may take the transaction of a payer who had no money when it was tried again', async () => {
    const purchase = await prepare('before')
    const setBalance = (amount: bigint) =>
      chain.request('anvil_dealERC20', [
        purchase.payer.address,
        chain.usdc.address,
        `0x${amount.toString(16)}`,
      ])
    const balance = await chain.balanceOf(purchase.payer.address)
    await chain.request('evm_setAutomine', [false])
    await expectDoubt(purchase, 'settlement-unknown')
    await setBalance(0n)
    await expectDoubt(purchase, 'settlement-unknown')
    await setBalance(balance)
    await chain.mine()
    await chain.request('evm_setAutomine', [true])
    await expectSale(purchase)
  })
})

it.each(['BurningPayer', 'GarbagePayer', 'RevertingPayer', 'ShortPayer', 'DirtyPayer'])(
  'a payer that is a contract of the worst kind (%s) is refused, and nothing moves (case 17)',
  async (artifact) => {
    const [payer, owner] = [await createEvmPayer(chain), createPayer()]
    await chain.plant(artifact, payer.address)
    // Signed by somebody else, so that the contract is asked.
    const purchase = await prepare('before', { ...payer, privateKey: owner.privateKey })
    const answer = await purchase.send()
    expect([answer.status, await codeOf(answer)]).toEqual([402, 'payment-verification-failed'])
    expect([purchase.ran(), await purchase.spent()]).toEqual([0, 0n])
  },
)
