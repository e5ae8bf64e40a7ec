import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { preparePaid, type Sent, send } from '../clients/wire.ts'
import { codeOf } from '../gate/scripted.ts'
import { denoCommand } from '../runtimes/deno.ts'
import { installRuntime } from '../runtimes/install.ts'
import type { DenoShopNews, DenoShopSetup } from './deno-kv-shop.ts'
import { newAddress } from './shop.ts'

/** The first run on a machine installs the runtime. */
const PATIENCE_MS = 300_000
const PRICE = 10_000n

const folder = mkdtempSync(join(tmpdir(), 'coffer-deno-shop-'))
const seller = newAddress()
/** Payments of the handler's runs, in order. */
const runs: string[] = []
let chains: Chains
let deno: string
let shop: ChildProcess
let url = ''

beforeAll(async () => {
  ;[chains, deno] = await Promise.all([startChains(), installRuntime('deno')])
  await openShop()
}, PATIENCE_MS)
afterAll(async () => {
  if (shop) await killShop()
  await stopChains(chains)
  rmSync(folder, { recursive: true })
})

/** Opens the shop on its database; it may have been open before. */
async function openShop(): Promise<void> {
  const { evm, tempo } = chains
  const setup: DenoShopSetup = {
    file: join(folder, 'coffer.kv'),
    seller,
    evm: [{ url: evm.url, chainId: evm.chainId, accounts: evm.accounts.slice(0, 1) }],
    tempo: { url: tempo.url, chainId: tempo.chainId },
  }
  shop = fork(join(import.meta.dirname, 'deno-kv-shop.ts'), [JSON.stringify(setup)], denoCommand(deno))
  await new Promise<void>((resolve, reject) => {
    shop.on('message', (news: DenoShopNews) => {
      if ('ran' in news) return runs.push(news.ran)
      url = `http://127.0.0.1:${news.port}/report`
      resolve()
    })
    shop.once('exit', () => reject(new Error('the shop did not open')))
  })
}

async function killShop(): Promise<void> {
  if (shop.exitCode !== null || shop.signalCode !== null) return
  shop.kill('SIGKILL')
  await once(shop, 'exit')
}

/** How often the handler ran for a payment. */
const runsOf = (payment: string): number => runs.filter((ran) => ran === payment).length

describe.each(clientKinds)('$name at a shop on Deno that keeps its books in Deno KV', (kind) => {
  let payer: Payer
  let sent: Sent
  let payment = ''
  let session = ''
  let lastEvent = ''
  const spent = async () => TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address))

  beforeAll(async () => {
    payer = await createPayerFor(kind, chains)
    sent = await preparePaid((fetch) => kind.connect(payer, chains, fetch), url)
  })

  it('pays once and gets one report, however often the credential comes', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(sent)))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([200, ...Array<number>(19).fill(409)])
    const answer = answers.find(({ status }) => status === 200)
    const report = await answer?.json()
    payment = report.paymentId
    lastEvent = report.eventId
    session = answer?.headers.get('x-prudra-session-id') ?? ''
    expect(session).toMatch(/^sess_/)
    expect(runsOf(payment)).toBe(1)
    expect(await spent()).toBe(PRICE)
  })

  it('works on by its session, and cannot replay, when the shop was killed and opened again', async () => {
    await killShop()
    await openShop()
    const again = await fetch(url, { headers: { 'x-prudra-session-id': session } })
    const report = await again.json()
    expect([again.status, report.paymentId]).toEqual([200, payment])
    expect(report.eventId > lastEvent).toBe(true)
    const replay = await send({ ...sent, url })
    expect([replay.status, await codeOf(replay)]).toEqual([409, 'duplicate-payment'])
    expect(runsOf(payment)).toBe(2)
    expect(await spent()).toBe(PRICE)
  })
})
