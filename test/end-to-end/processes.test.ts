import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type FaultyRpc, startFaultyRpc } from '../chains/faulty-rpc.ts'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { preparePaid, type Sent, send } from '../clients/wire.ts'
import { newAddress } from './shop.ts'
import { type ShopProcess, type ShopSetup, startShopProcess } from './shop-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-shop-'))
const PRICE = 10_000n
let files = 0
let chains: Chains
let rpc: FaultyRpc
const open: ShopProcess[] = []

beforeAll(async () => {
  chains = await startChains()
  rpc = await startFaultyRpc(chains.evm.url)
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((shop) => shop.kill()))
  rpc.fail = () => null
})
afterAll(async () => {
  await rpc?.stop()
  await stopChains(chains)
  rmSync(folder, { recursive: true })
})

/** How the shops of one seller are set up; each has a settling wallet of its own. */
function createSetup(): (wallet: number, more?: Partial<ShopSetup>) => Promise<ShopProcess> {
  const { evm, tempo } = chains
  const [file, seller] = [join(folder, `${++files}.db`), newAddress()]
  return async (wallet, more) => {
    const shop = await startShopProcess({
      file,
      seller,
      evm: [{ url: evm.url, chainId: evm.chainId, accounts: evm.accounts.slice(wallet, wallet + 1) }],
      tempo: { url: tempo.url, chainId: tempo.chainId },
      ...more,
    })
    open.push(shop)
    return shop
  }
}

async function prepare(name: string, url: string): Promise<{ sent: Sent; spent: () => Promise<bigint> }> {
  const kind = clientKinds.find((kind) => kind.name.startsWith(name))
  if (!kind) throw new Error(`no client of ${name}`)
  const payer = await createPayerFor(kind, chains)
  const sent = await preparePaid((fetch) => kind.connect(payer, chains, fetch), url)
  return { sent, spent: async () => TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address)) }
}

/** Sends until nobody works on the payment any more. */
async function sendUntilFree(sent: Sent, url: string): Promise<Response> {
  for (;;) {
    const response = await send(sent, { url })
    if (response.status !== 409) return response
    await sleep(100)
  }
}

describe('two processes on one file', () => {
  it('settle one credential once, of whatever client (case 2)', async () => {
    const setUp = createSetup()
    const shops = await Promise.all([setUp(1), setUp(2)])
    for (const [at, { name }] of clientKinds.entries()) {
      const { sent, spent } = await prepare(name, `${shops[0].url}/report`)
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, at) => send(sent, { url: `${shops[at % 2]?.url}/report` })),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(49).fill(409)])
      expect([name, shops[0].runs() + shops[1].runs()]).toEqual([name, at + 1])
      expect(await spent()).toBe(PRICE)
    }
  })
})

describe('a process that is killed', () => {
  /** Kills the shop at a call of its settlement, and opens it again on the same file. */
  async function killAt(method: string, fault: 'drop' | 'drop-answer'): Promise<void> {
    const setUp = createSetup()
    const dying = await setUp(3, { evmRpc: rpc.url, handlerTimeout: 1 })
    const { sent, spent } = await prepare('x402 v2', `${dying.url}/report`)
    const reached = new Promise<void>((resolve) => {
      rpc.fail = (called) => {
        if (called !== method) return null
        resolve()
        return fault
      }
    })
    const broken = send(sent).catch(() => null)
    await reached
    await dying.kill()
    expect(await broken).toBeNull()
    rpc.fail = () => null

    const next = await setUp(3)
    expect((await sendUntilFree(sent, `${next.url}/report`)).status).toBe(200)
    expect((await send(sent, { url: `${next.url}/report` })).status).toBe(409)
    expect([dying.runs(), next.runs()]).toEqual([0, 1])
    expect(await spent()).toBe(PRICE)
  }

  it('after the money moved, and before it knows, redeems the credential when it is back (case 3)', () =>
    killAt('eth_getTransactionReceipt', 'drop'))

  it('while the transaction is on its way settles once', () =>
    killAt('eth_sendRawTransaction', 'drop-answer'))

  it('before the transaction is sent settles once when it is back', () =>
    killAt('eth_sendRawTransaction', 'drop'))

  it('in the handler runs it again when it is back, without a charge', async () => {
    const setUp = createSetup()
    const dying = await setUp(4, { handlerTimeout: 1, hangs: true })
    const { sent, spent } = await prepare('MPP tempo pull', `${dying.url}/report`)
    const broken = send(sent).catch(() => null)
    while (dying.runs() === 0) await sleep(10)
    await dying.kill()
    expect(await broken).toBeNull()

    const next = await setUp(4)
    expect((await sendUntilFree(sent, `${next.url}/report`)).status).toBe(200)
    expect(next.runs()).toBe(1)
    expect(await spent()).toBe(PRICE)
  })

  it('after it answered, and before the money moved in the background, leaves that to the next', async () => {
    const setUp = createSetup()
    const dying = await setUp(5)
    const { sent, spent } = await prepare('x402 v1', `${dying.url}/later`)
    expect((await send(sent)).status).toBe(200)
    await dying.kill()
    expect(await spent()).toBe(0n)

    const next = await Promise.all([setUp(5, { works: true }), setUp(6, { works: true })])
    while ((await spent()) === 0n) await sleep(50)
    for (const { url } of next) expect((await send(sent, { url: `${url}/later` })).status).toBe(409)
    expect([await spent(), next[0].runs() + next[1].runs()]).toEqual([PRICE, 0])
  })
})
