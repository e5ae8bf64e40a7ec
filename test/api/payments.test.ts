import { describe, expect, it } from 'vitest'
import type { PaymentInfo } from '../../src/payments/payment-info.ts'
import type { PaymentList, PaymentSummary } from '../../src/settlement/payment-log.ts'
import { memory } from '../../src/stores/memory.ts'
import type { Store } from '../../src/stores/store.ts'
import { createOperated, jsonOf, type Operated } from './operator.ts'

const HOUR = 3_600_000

const list = (seller: Operated, query = ''): Promise<PaymentList> => jsonOf(seller.ask(`/payments${query}`))
const summary = (seller: Operated, query = ''): Promise<PaymentSummary> =>
  jsonOf(seller.ask(`/payments/summary${query}`))
const routesOf = ({ payments }: PaymentList): readonly string[] => payments.map(({ route }) => route)

/** A seller that was paid for three routes, an hour apart; the second payment failed. */
async function createPaidSeller(): Promise<Operated & { began: number }> {
  const seller = createOperated()
  const began = seller.now()
  await seller.pay('/report?topic=bees')
  seller.advance(HOUR)
  const { settle } = seller.script
  seller.script.settle = async () => ({ outcome: 'failed', cause: 'empty', detail: '' })
  await seller.pay('/report?topic=wasps')
  seller.script.settle = settle
  seller.advance(HOUR)
  await seller.pay('/weather')
  return { ...seller, began }
}

/** Reads all pages. */
async function pagesOf(seller: Operated, query: string): Promise<readonly PaymentList[]> {
  const pages: PaymentList[] = []
  let cursor: string | null = null
  do {
    const page: PaymentList = await list(seller, `${query}${cursor === null ? '' : `&cursor=${cursor}`}`)
    pages.push(page)
    expect(page.cursor === null || cursor === null || page.cursor < cursor).toBe(true)
    cursor = page.cursor
  } while (cursor !== null)
  return pages
}

describe('the list of payments', () => {
  it('is newest first', async () => {
    const seller = await createPaidSeller()
    expect(routesOf(await list(seller))).toEqual([
      'GET /weather',
      'GET /report?topic=wasps',
      'GET /report?topic=bees',
    ])
    expect(await list(createOperated())).toEqual({ payments: [], cursor: null })
  })

  it.each([
    ['route=GET%20/report', ['GET /report?topic=wasps', 'GET /report?topic=bees']],
    ['route=GET%20/report?topic=bees', ['GET /report?topic=bees']],
    ['route=GET%20/rep', []],
    ['status=failed', ['GET /report?topic=wasps']],
    ['status=settled&route=GET%20/report', ['GET /report?topic=bees']],
    ['status=unknown', []],
    ['protocol=mpp', []],
    ['protocol=x402&limit=1', ['GET /weather']],
    ['from=2030-01-01T01:00:00Z', ['GET /weather', 'GET /report?topic=wasps']],
    ['to=2030-01-01T01:00:00Z', ['GET /report?topic=bees']],
    ['from=2030-01-01T00:30:00Z&to=2030-01-01T02:00:00%2b01:00', []],
    ['from=2029-12-31&to=2030-01-01', []],
    ['from=999999999999999', []],
  ])('is filtered by %s', async (query, routes) => {
    expect(routesOf(await list(await createPaidSeller(), `?${query}`))).toEqual(routes)
  })

  it('takes instants as numbers too', async () => {
    const seller = await createPaidSeller()
    const { began } = seller
    expect(routesOf(await list(seller, `?from=${began}&to=${began + 1}`))).toEqual(['GET /report?topic=bees'])
  })

  it('is what code without a request sees', async () => {
    const seller = await createPaidSeller()
    const seen = await seller.coffer.payments.list({ route: 'GET /report', limit: 1 })
    expect(seen).toEqual(await list(seller, '?route=GET%20/report&limit=1'))
    const [payment] = seen.payments
    expect(await seller.coffer.payments.get(payment?.id ?? '')).toEqual(payment)
    await expect(seller.coffer.payments.list({ limit: 501 })).rejects.toThrow(/^payments.limit: /)
    await expect(seller.coffer.payments.list({ from: 0.5 })).rejects.toThrow(/^payments.from: /)
    await expect(seller.coffer.payments.summary({ cursor: 'x' })).rejects.toThrow(/^payments.cursor: /)
  })

  it('shows nothing that could be spent or redeemed', async () => {
    const seller = createOperated()
    seller.script.verify = () => null
    await seller.pay('/report', { price: '0.01', acceptSessions: true })
    const [payment] = (await list(seller)).payments
    const names: readonly (keyof PaymentInfo)[] = [
      'id',
      'status',
      'delivery',
      'protocol',
      'method',
      'network',
      'asset',
      'amount',
      'payer',
      'recipient',
      'wallet',
      'route',
      'settle',
      'txHash',
      'block',
      'cause',
      'claimedAt',
      'settledAt',
      'deliveredAt',
      'vanishedAt',
    ]
    expect(Object.keys(payment ?? {})).toEqual(names)
    expect(JSON.stringify(payment)).not.toContain('credential')
  })
})

describe('a payment', () => {
  it('stands in the order by time from the commit that claims it', async () => {
    const store = memory()
    const commits: (readonly string[])[] = []
    const seller = createOperated({
      store: {
        ...store,
        commit(writes) {
          commits.push(writes.map(({ key }) => key))
          return store.commit(writes)
        },
      },
    })
    await seller.pay()
    const [payment] = (await list(seller)).payments
    const order = `payment-at/${String(payment?.claimedAt).padStart(15, '0')}/${payment?.id}`
    expect(commits.filter((written) => written.includes(order))).toEqual([commits[0]])
    expect(commits[0]).toContain(`payment/${payment?.id}`)
  })
})

describe('thousands of payments', () => {
  const COUNT = 3000

  /** A seller whose store counts what is read. */
  async function createBusySeller() {
    const store = memory({ clock: () => 0 })
    const reads = { count: 0 }
    const counting: Store = {
      ...store,
      get(key) {
        reads.count++
        return store.get(key)
      },
      list(range, page) {
        reads.count++
        return store.list(range, page)
      },
    }
    const seller = createOperated({ store: counting })
    for (let at = 0; at < COUNT; at++) {
      // Several in the same millisecond.
      if (at % 3 === 0) seller.advance(1)
      await seller.pay(at % 1000 === 0 ? '/rare' : '/report')
    }
    return { seller, reads }
  }
  const busy = createBusySeller()

  it.each([7, 100, 500])('are listed once each, in order, %d a page', async (limit) => {
    const { seller } = await busy
    const pages = await pagesOf(seller, `?limit=${limit}`)
    const all = pages.flatMap(({ payments }) => payments)
    expect(all).toHaveLength(COUNT)
    expect(new Set(all.map(({ id }) => id)).size).toBe(COUNT)
    expect(all.every(({ claimedAt }, at) => claimedAt <= (all[at - 1]?.claimedAt ?? Infinity))).toBe(true)
    expect(pages.slice(0, -1).every(({ payments }) => payments.length === limit)).toBe(true)
  })

  it('are searched with bounded work a request, and to the end', async () => {
    const { seller, reads } = await busy
    let most = 0
    const found: string[] = []
    let cursor = ''
    for (;;) {
      reads.count = 0
      const page = await list(seller, `?route=GET%20/rare&limit=500${cursor}`)
      most = Math.max(most, reads.count)
      found.push(...routesOf(page))
      if (page.cursor === null) break
      cursor = `&cursor=${page.cursor}`
    }
    expect(found).toEqual(['GET /rare', 'GET /rare', 'GET /rare'])
    // 20 pages of the order by time, and what was found.
    expect(most).toBeLessThanOrEqual(25)
  })

  it('are read hardly further than is asked for', async () => {
    const { seller, reads } = await busy
    for (const limit of [1, 7]) {
      reads.count = 0
      expect((await list(seller, `?limit=${limit}`)).payments).toHaveLength(limit)
      // The order by time, the payments, and the next one: without it nobody knows whether there is another page.
      expect(reads.count).toBe(limit + 2)
    }
  })

  it('may come while somebody pages', async () => {
    const { seller } = await busy
    const first = await list(seller, '?limit=10')
    seller.advance(1)
    await seller.pay('/late')
    const second = await list(seller, `?limit=10&cursor=${first.cursor}`)
    const seen = [...first.payments, ...second.payments]
    expect(new Set(seen.map(({ id }) => id)).size).toBe(20)
    expect(routesOf(second)).not.toContain('GET /late')
  })

  it('add up', async () => {
    const { seller } = await busy
    const { routes, cursor } = await summary(seller, '?route=GET%20/report')
    expect(cursor).toBeNull()
    expect(routes).toEqual([{ route: 'GET /report', payments: COUNT - 3, revenue: '29.97' }])
  })
})

describe('the summary', () => {
  it('counts what has settled, by route whatever the query, most revenue first', async () => {
    const seller = await createPaidSeller()
    await seller.pay('/weather?where=here')
    expect(await summary(seller)).toEqual({
      payments: 3,
      revenue: '0.03',
      routes: [
        { route: 'GET /weather', payments: 2, revenue: '0.02' },
        { route: 'GET /report', payments: 1, revenue: '0.01' },
      ],
      cursor: null,
    })
    expect(await summary(seller, '?to=2030-01-01T02:00:00Z')).toMatchObject({ revenue: '0.01', payments: 1 })
    expect(await summary(createOperated())).toEqual({ payments: 0, revenue: '0', routes: [], cursor: null })
  })

  it('does not count what a chain took back', async () => {
    const seller = createOperated()
    seller.script.confirm = async () => 'vanished'
    await seller.pay()
    expect((await summary(seller)).revenue).toBe('0.01')
    seller.advance(30_000)
    await seller.work()
    expect((await summary(seller)).revenue).toBe('0')
    expect((await list(seller, '?status=unknown')).payments).toHaveLength(1)
  })
})
