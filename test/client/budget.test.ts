import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { BudgetOptions } from '../../src/client/budget.ts'
import type { PayFetchOptions } from '../../src/client/engine.ts'
import { paymentOf } from '../../src/client/paid-answer.ts'
import type { PaymentError } from '../../src/client/payment-error.ts'
import { memory } from '../../src/stores/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { prefixRange } from '../../src/stores/store.ts'
import { errorOf } from './agents.ts'
import { ask, createClient, requirement, USDC } from './market.ts'

const ASSET = `eip155:84532/erc20:${USDC}`
const CENT = 10_000

/** A server that sells whatever is asked for, at the price in its path: `/30000/anything`. Counts what it was paid. */
function createSeller() {
  const paid: number[] = []
  const fetch = async (input: RequestInfo | URL): Promise<Response> => {
    const request = new Request(input)
    const units = new URL(request.url).pathname.split('/')[1] ?? ''
    if (!request.headers.has('payment-signature')) return ask(request.url, [requirement({ amount: units })])
    paid.push(Number(units))
    return new Response('ok')
  }
  return { paid, fetch, total: () => paid.reduce((sum, units) => sum + units, 0) }
}

function clientOf(budget: BudgetOptions, options: Partial<PayFetchOptions> = {}) {
  const seller = createSeller()
  const pay = createClient({ budget, fetch: seller.fetch, ...options })
  let made = 0
  return {
    seller,
    pay,
    buy: (units: number, host = 'a.localhost') => pay(`http://${host}/${units}/${made++}`),
  }
}

async function overBudget(call: Promise<Response>): Promise<string> {
  const { refusals } = (await errorOf(call)) as unknown as PaymentError
  expect(refusals[0]?.reason).toBe('over-budget')
  return refusals[0]?.detail ?? ''
}

describe('a limit', () => {
  it('on one payment holds to the last unit', async () => {
    const { buy } = clientOf({ payment: '0.01' })
    expect((await buy(CENT)).status).toBe(200)
    const { refusals } = (await errorOf(buy(CENT + 1))) as unknown as PaymentError
    expect(refusals).toMatchObject([{ reason: 'too-expensive', got: '0.010001 USD' }])
  })

  it('on all payments holds to the last unit, and says what is left', async () => {
    const { buy, pay } = clientOf({ total: '0.05' })
    await buy(3 * CENT)
    expect(await overBudget(buy(2 * CENT + 1))).toBe(
      'The payment would go beyond budget.total: at most 0.02 USD, of 0.05.',
    )
    await buy(2 * CENT)
    await overBudget(buy(1))
    expect(await pay.spending()).toEqual({
      usd: { held: '0', spent: '0.05' },
      assets: { [ASSET]: { held: '0', spent: '0.05' } },
    })
  })

  it('on a host leaves others alone', async () => {
    const { buy, pay } = clientOf({ host: '0.01' })
    await buy(CENT, 'a.localhost')
    await overBudget(buy(1, 'a.localhost'))
    await buy(CENT, 'b.localhost')
    expect(await pay.spending({ host: 'a.localhost' })).toMatchObject({ usd: { spent: '0.01' } })
    expect(await pay.spending({ host: 'c.localhost' })).toMatchObject({ usd: { spent: '0' } })
  })

  it('on a day begins anew at midnight, UTC', async () => {
    let now = Date.parse('2030-01-31T23:59:59Z')
    const { buy, pay } = clientOf({ day: '0.01' }, { clock: () => now })
    await buy(CENT)
    await overBudget(buy(1))
    now += 1000
    await buy(CENT)
    await overBudget(buy(1))
    expect(await pay.spending('day')).toMatchObject({ usd: { spent: '0.01' } })
    expect(await pay.spending()).toMatchObject({ usd: { spent: '0.02' } })
  })

  it('on a session is of one client, unless the session has a name', async () => {
    const store = memory()
    for (const sessionName of [undefined, undefined, 'nightly']) {
      const { buy } = clientOf({ session: '0.01', ...(sessionName && { sessionName }) }, { store })
      await buy(CENT)
      await overBudget(buy(1))
    }
    const { buy } = clientOf({ session: '0.01', sessionName: 'nightly' }, { store })
    await overBudget(buy(1))
  })

  it('on a session that has none leaves nothing behind for ever', async () => {
    let now = Date.now()
    const store = memory({ clock: () => now })
    const left = async () => (await store.list(prefixRange('client/budget/session/'))).length
    for (const budget of [{ total: '1' }, { session: '1' }, { total: '1', sessionName: 'nightly' }])
      await clientOf(budget, { store, clock: () => now }).buy(CENT)
    expect(await left()).toBe(3)
    now += 100 * 86_400_000
    expect(await left()).toBe(2)
  })

  it('in the token itself holds beside one in dollars', async () => {
    const { buy } = clientOf({ total: { usd: '1', [ASSET]: '0.01' } })
    await buy(CENT)
    expect(await overBudget(buy(1))).toContain(`at most 0 ${ASSET}, of 0.01`)
  })

  it('of a call holds beside the budget', async () => {
    const { pay } = clientOf({ total: '1' })
    const url = 'http://a.localhost/20000/x'
    const { refusals } = (await errorOf(pay(url, { max: '0.01' }))) as unknown as PaymentError
    expect(refusals[0]?.reason).toBe('too-expensive')
    expect((await pay(url, { max: { [ASSET]: '0.02' } })).status).toBe(200)
  })

  it('outlives its client: the sums are in the store', async () => {
    const store = memory()
    await clientOf({ total: '0.05' }, { store }).buy(4 * CENT)
    await overBudget(clientOf({ total: '0.05' }, { store }).buy(2 * CENT))
  })

  it('is told of what happened before there was one', async () => {
    const store = memory()
    await clientOf({ payment: '1' }, { store }).buy(4 * CENT)
    await overBudget(clientOf({ day: '0.05' }, { store }).buy(2 * CENT))
  })
})

it('a token that is not worth a dollar counts by itself, and is not paid without a limit of its own', async () => {
  const coin = {
    address: '0x00000000000000000000000000000000000000c1',
    network: 'eip155:84532',
    decimals: 18,
    symbol: 'COIN',
    eip712: { name: 'Coin', version: '1' },
    isDollar: false,
  } as const
  const coinId = `eip155:84532/erc20:${coin.address}`
  const asking = async (input: RequestInfo | URL): Promise<Response> => {
    const request = new Request(input)
    if (request.headers.has('payment-signature')) return new Response('ok')
    return ask(request.url, [requirement({ asset: coin.address, amount: (10n ** 16n).toString() })])
  }
  const policy = { assets: [coin] }
  const unlimited = (await errorOf(
    createClient({ fetch: asking, policy })('http://localhost/'),
  )) as unknown as PaymentError
  expect(unlimited.refusals[0]?.reason).toBe('unlimited')
  const pay = createClient({ fetch: asking, policy, budget: { total: { [coinId]: '0.015' } } })
  expect(paymentOf(await pay('http://localhost/1'))).toMatchObject({ amount: '0.01', symbol: 'COIN' })
  await overBudget(pay('http://localhost/2'))
  expect(await pay.spending()).toMatchObject({ usd: { spent: '0' }, assets: { [coinId]: { spent: '0.01' } } })
})

describe('payments that are made at once', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  it('never exceed a limit together, and use it up', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 100_000 }),
        async (prices, limit) => {
          const { buy, seller, pay } = clientOf({ total: `0.${String(limit).padStart(6, '0')}` })
          const answers = await Promise.allSettled(prices.map((units) => buy(units)))
          expect(seller.total()).toBeLessThanOrEqual(limit)
          const left = limit - seller.total()
          const refused = prices.filter((_, at) => answers[at]?.status === 'rejected')
          // Nothing was refused that there was room for in the end.
          expect(refused.filter((units) => units <= left)).toEqual([])
          const { usd } = await pay.spending()
          expect([Number(usd.held), Math.round(Number(usd.spent) * 1e6)]).toEqual([0, seller.total()])
        },
      ),
      { numRuns: 40 },
    )
  })

  it('by several clients on one file never exceed it either', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coffer-budget-'))
    folders.push(folder)
    const stores = Array.from({ length: 4 }, () => sqlite(join(folder, 'agent.db')))
    const clients = stores.map((store) => clientOf({ total: '0.10' }, { store }))
    const calls = clients.flatMap(({ buy }, at) =>
      Array.from({ length: 8 }, (_, n) => buy(CENT, `h${at}-${n}.localhost`)),
    )
    const answers = await Promise.allSettled(calls)
    const paid = clients.reduce((sum, { seller }) => sum + seller.total(), 0)
    expect([paid, answers.filter(({ status }) => status === 'fulfilled').length]).toEqual([10 * CENT, 10])
    await Promise.all(stores.map((store) => store.close()))
  })
})

describe('what is held back', () => {
  it('is given back when the wallet does not sign', async () => {
    const wallet = {
      address: '0x00000000000000000000000000000000000000aa',
      signTypedData: () => Promise.reject(new Error('denied')),
    } as const
    const { buy, pay } = clientOf({ total: '0.01' }, { wallet })
    expect(await errorOf(buy(CENT))).toMatchObject({ code: 'signing-failed' })
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0' } })
    expect(await pay.attempts()).toMatchObject([{ state: 'failed', isOpen: false }])
  })

  it('counts while nobody knows what became of it', async () => {
    const { seller } = clientOf({ total: '0.01' })
    const fetch = async (input: RequestInfo | URL): Promise<Response> => {
      const request = new Request(input)
      if (request.headers.has('payment-signature')) throw new TypeError('the connection broke')
      return seller.fetch(request)
    }
    const pay = createClient({ budget: { total: '0.01' }, fetch })
    expect(await errorOf(pay('http://localhost/10000'))).toMatchObject({ code: 'payment-unresolved' })
    await overBudget(pay('http://localhost/1'))
    expect(await pay.spending()).toMatchObject({ usd: { held: '0.01', spent: '0' } })
  })
})

describe('options', () => {
  it.each([
    ['none', undefined, 'payFetch.budget'],
    ['no limit', {}, 'payFetch.budget'],
    ['a number', { total: 1 }, 'budget.total'],
    ['a negative sum', { total: '-1' }, 'budget.total'],
    ['an empty limit', { total: {} }, 'budget.total'],
    ['an unknown token', { total: { COIN: '1' } }, 'budget.total.COIN'],
    ['an unknown limit', { week: '1' }, 'budget.week'],
  ])('%s: refused by name', (_what, budget, option) => {
    expect(() => createClient({ budget: budget as BudgetOptions })).toThrow(option)
  })
})
