import { Challenge } from 'mppx'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { baseSepolia } from '../../src/evm/network.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { USDC_ON_BASE_SEPOLIA } from '../../src/payments/stablecoins.ts'
import { readCredential } from '../../src/protocols/x402/credential.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, createPayer, createTempoPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { at, submit } from '../evm/signing.ts'
import { contentOf } from '../protocols/x402/fixtures.ts'
import { errorOf, payFrom } from './agents.ts'
import { ask, type Market, openMarket, requirement, SELLER } from './market.ts'

let chains: Chains
beforeAll(async () => {
  chains = await startChains()
})
afterAll(() => stopChains(chains))

const open: Market[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((market) => market.close()))
})

/** What to do with a payment. */
type Deal = (request: Request, credential: string) => Response | Promise<Response>

/** Seconds that a credential is good for. The chain's clock runs ahead when it is told to. */
let validity = 3600

/** A market that asks for a cent by x402, and deals with payments one after the other; the last deal is for all that follow. */
async function market(...deals: readonly Deal[]): Promise<Market> {
  let paid = 0
  const opened = await openMarket(({ request, isPaid }) => {
    const deal = isPaid ? deals[Math.min(paid++, deals.length - 1)] : undefined
    return deal ? deal(request, request.headers.get('payment-signature') ?? '') : askFor(request)
  })
  open.push(opened)
  return opened
}

/** Moves the money of a credential. */
async function settle(credential: string): Promise<void> {
  const content = contentOf(readCredential(new Headers({ 'payment-signature': credential })))
  const network = baseSepolia({ rpc: chains.evm.url, settle: wallet(at(chains.evm.accounts, 0).privateKey) })
  const { authorization, signature } = content
  const transfer = { network, asset: USDC_ON_BASE_SEPOLIA, authorization, signature, resource: '' }
  await submit(chains.evm, at(chains.evm.accounts, 0), transfer)
}

/** Lets the chain's clock run ahead. */
async function age(seconds: number): Promise<void> {
  await chains.evm.request('evm_increaseTime', [seconds])
  await chains.evm.request('evm_mine')
}

const askFor = (request: Request) => ask(request.url, [requirement({ maxTimeoutSeconds: validity })])
const refuseIt: Deal = (request) => askFor(request)
const ok: Deal = () => new Response('ok')
const spentBy = async (payer: Payer) => TEN_DOLLARS - (await chains.evm.balanceOf(payer.address))

describe('a payment that a server did not take', () => {
  it('is not made anew while it may still move, and is when its chain says that it will not', async () => {
    const { url, credentials } = await market(refuseIt, refuseIt, refuseIt, async (_request, credential) => {
      await settle(credential)
      return new Response('ok')
    })
    const payer = await createEvmPayer(chains.evm)
    const pay = payFrom(payer, chains, { patienceMs: 0 })
    validity = 300
    for (let time = 0; time < 2; time++) {
      expect(await errorOf(pay(url))).toMatchObject({
        code: 'payment-rejected',
        message: expect.stringContaining('held back'),
      })
    }
    expect([credentials().length, (await pay.spending()).usd.held]).toEqual([1, '0.01'])

    await age(1000)
    validity = 3600
    expect((await pay(url)).status).toBe(200)
    expect([credentials().length, await spentBy(payer)]).toEqual([2, 10_000n])
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.01' } })
    expect(await pay.attempts()).toMatchObject([{ state: 'paid' }, { state: 'failed' }])
  })

  it('and whose money has moved all the same is spent, and said so', async () => {
    const { url, credentials } = await market(async (request, credential) => {
      await settle(credential)
      return askFor(request)
    }, ok)
    const payer = await createEvmPayer(chains.evm)
    const pay = payFrom(payer, chains, { patienceMs: 0 })
    expect(await errorOf(pay(url))).toMatchObject({ code: 'answer-lost' })
    expect(await pay.attempts()).toMatchObject([{ state: 'lost', isOpen: false }])
    expect([await spentBy(payer), (await pay.spending()).usd.spent]).toEqual([10_000n, '0.01'])
    expect((await pay(url)).status).toBe(200)
    expect(credentials()).toHaveLength(2)
  })

  it('is not made anew when there is nobody to ask, however long it takes, until it is given up', async () => {
    const { url, credentials } = await market(refuseIt, refuseIt, ok)
    const payer = await createEvmPayer(chains.evm)
    const pay = payFrom(payer, {}, { patienceMs: 0 })
    await errorOf(pay(url))
    await age(5000)
    const { attempt } = await errorOf(pay(url))
    expect(credentials()).toHaveLength(1)
    await pay.abandon(String(attempt))
    expect((await pay(url)).status).toBe(200)
    expect([credentials().length, (await pay.spending()).usd]).toEqual([2, { held: '0', spent: '0.02' }])
  })

  it('is still open when the chain does not answer', async () => {
    const { url } = await market(refuseIt)
    const rpc = { 'eip155:84532': 'http://127.0.0.1:1' }
    const pay = payFrom(await createEvmPayer(chains.evm), {}, { patienceMs: 0, rpc })
    expect(await errorOf(pay(url))).toMatchObject({ code: 'payment-rejected' })
    expect(await pay.attempts({ open: true })).toHaveLength(1)
  })
})

describe('on Tempo', () => {
  /** A market that asks for a cent of pathUSD. */
  async function tempoMarket(supportedModes: readonly string[], deal: Deal): Promise<Market> {
    const opened = await openMarket(({ request, isPaid }) => {
      if (isPaid) return deal(request, request.headers.get('authorization') ?? '')
      const field = Challenge.serialize({
        id: `challenge-${Math.random()}`,
        realm: 'localhost',
        method: 'tempo',
        intent: 'charge',
        expires: new Date(Date.now() + 300_000).toISOString(),
        request: {
          amount: '10000',
          currency: chains.tempo.pathUsd.address,
          recipient: SELLER,
          methodDetails: { chainId: 42431, supportedModes },
        },
      } as Challenge.Challenge)
      return new Response(null, { status: 402, headers: { 'www-authenticate': field } })
    })
    open.push(opened)
    return opened
  }

  const spent = async (payer: Payer) => TEN_DOLLARS - (await chains.tempo.balanceOf(payer.address))

  it('a transaction that was sent and not taken is spent, and said so', async () => {
    const { url } = await tempoMarket(['push'], () => new Response(null, { status: 402 }))
    const payer = await createTempoPayer(chains.tempo)
    const pay = payFrom(payer, chains, { patienceMs: 0 })
    expect(await errorOf(pay(url))).toMatchObject({ code: 'answer-lost' })
    expect([await spent(payer), (await pay.spending()).usd]).toEqual([10_000n, { held: '0', spent: '0.01' }])
  })

  it('a transaction is sent once, however often its hash is', async () => {
    let times = 0
    const { url, credentials } = await tempoMarket(['push'], () =>
      ++times < 3 ? new Response(null, { status: 503 }) : new Response('ok'),
    )
    const payer = await createTempoPayer(chains.tempo)
    const pay = payFrom(payer, chains, { patienceMs: 0 })
    const { attempt } = await errorOf(pay(url))
    await errorOf(pay.resume(String(attempt)))
    expect((await pay(url)).status).toBe(200)
    expect([credentials().length, await spent(payer)]).toEqual([1, 10_000n])
  })

  it('a transaction for the server to send, which it did not take, is held back until it has expired', async () => {
    const { url } = await tempoMarket(['pull'], () => new Response(null, { status: 402 }))
    const payer = await createTempoPayer(chains.tempo)
    const pay = payFrom(payer, chains, { patienceMs: 0 })
    const { attempt } = await errorOf(pay(url))
    expect((await pay.spending()).usd.held).toBe('0.01')
    await chains.tempo.request('evm_increaseTime', [120])
    await chains.tempo.mine()
    expect(await pay.resume(String(attempt))).toBeNull()
    expect([await spent(payer), (await pay.spending()).usd]).toEqual([0n, { held: '0', spent: '0' }])
  })

  it('a payer without money signs nothing, and holds nothing back', async () => {
    const { url, credentials } = await tempoMarket(['pull'], ok)
    const pay = payFrom(createPayer(), chains, { patienceMs: 0 })
    expect(await errorOf(pay(url))).toMatchObject({
      code: 'signing-failed',
      message: expect.stringContaining('prepared'),
    })
    expect([credentials(), (await pay.spending()).usd]).toEqual([[], { held: '0', spent: '0' }])
  })
})
