import type { Payment, ProtocolName } from '../payments/payment.ts'
import { type PaymentInfo, type PaymentStatus, paymentInfo, routeName } from '../payments/payment-info.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { keys } from '../stores/keys.ts'
import { prefixRange, type Range, type Store } from '../stores/store.ts'
import type { Ledger } from './ledger.ts'
import { createTally, type Revenue, type RouteRevenue } from './revenue.ts'

/** The payments there were, for who is paid. */
export interface PaymentLog {
  /**
   * Payments, newest first. A call looks at 2000 at most: a page may hold fewer than asked for, even none, and still be
   * followed by another.
   *
   * @throws CofferError `invalid-option` naming what is wrong with the filter.
   */
  list(filter?: PaymentFilter): Promise<PaymentList>
  /** One payment; `null` when there is none of this id. */
  get(id: string): Promise<PaymentInfo | null>
  /**
   * What settled payments have brought in, by route. A call looks at 10 000 payments at most, newest first; when its
   * answer has a cursor, the sums go on there.
   *
   * @throws CofferError `invalid-option` naming what is wrong with the filter.
   */
  summary(filter?: SummaryFilter): Promise<PaymentSummary>
}

/** Which payments a summary is about. */
export interface SummaryFilter {
  /** Method and path, such as `GET /report`, whatever the query; with a query, that one alone. */
  readonly route?: string
  readonly protocol?: ProtocolName
  /** Claimed at this instant or later, epoch milliseconds. */
  readonly from?: number
  /** Claimed before this instant, epoch milliseconds. */
  readonly to?: number
  /** Where the page before ended. */
  readonly cursor?: string
}

/** Which payments to list. */
export interface PaymentFilter extends SummaryFilter {
  readonly status?: PaymentStatus
  /** At most this many, 1 to 500. Default 50. */
  readonly limit?: number
}

/** A page of the log, newest first. */
export interface PaymentList {
  readonly payments: readonly PaymentInfo[]
  /** Where the next page begins; `null` when this is the last. */
  readonly cursor: string | null
}

/** What payments have brought in. */
export interface PaymentSummary extends Revenue {
  /** Most revenue first. */
  readonly routes: readonly RouteRevenue[]
  /** Where the sums of older payments go on; `null` when these are all. */
  readonly cursor: string | null
}

/** A row of the order by time that was looked at. */
interface Seen {
  /** `null` when the filter passes it over. */
  readonly payment: Payment | null
  /** Where a page after it begins; `null` when it is the last. */
  readonly cursor: string | null
}

const PAGE = 100
const MAX_LIMIT = 500
const MAX_LISTED = 2000
const MAX_SUMMED = 10_000
const MAX_INSTANT = 999_999_999_999_999
const SUMMARY_NAMES = ['route', 'protocol', 'from', 'to', 'cursor']
const FILTER_NAMES = [...SUMMARY_NAMES, 'status', 'limit']
const CURSOR = /^\d{15}\.pay_[\w-]{1,64}$/
const ID = /^pay_[\w-]{1,64}$/

/** Opens the log of a store's payments. */
export function createPaymentLog(store: Store, ledger: Pick<Ledger, 'get'>): PaymentLog {
  /**
   * Goes back in time. The order by time knows route and protocol, so that only what may match is read.
   *
   * @param first - How many rows will do when all of them match; after these, it goes on in whole pages.
   */
  async function* newestFirst(filter: SummaryFilter, maxRows: number, first = PAGE): AsyncGenerator<Seen> {
    let range = rangeOf(filter)
    for (let looked = 0, limit = first; looked < maxRows; limit = Math.min(PAGE, maxRows - looked)) {
      const rows = await store.list(range, { limit, reverse: true })
      const read = rows.map(async ({ key, value }, at): Promise<Seen> => {
        const isLast = rows.length < limit && at === rows.length - 1
        const held = matches(filter, value) ? await ledger.get(String(value['payment'])) : null
        return { payment: held?.payment ?? null, cursor: isLast ? null : cursorOf(key) }
      })
      yield* await Promise.all(read)
      looked += rows.length
      const last = rows.at(-1)
      if (last === undefined || rows.length < limit) return
      range = { start: range.start, end: last.key }
    }
  }

  return {
    async list(filter = {}) {
      refuseUnknownOptions(filter, FILTER_NAMES, 'payments')
      const { limit = 50, status } = filter
      if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
        invalidOption('payments.limit', `a whole number from 1 to ${MAX_LIMIT}`, limit)
      }
      const payments: PaymentInfo[] = []
      let reached: string | null = null
      // One more tells whether this page is the last.
      const first = Math.min(limit + 1, PAGE)
      for await (const { payment, cursor } of newestFirst(filter, MAX_LISTED, first)) {
        reached = cursor
        if (payment !== null && (status ?? payment.state) === payment.state)
          payments.push(paymentInfo(payment))
        if (payments.length === limit) break
      }
      return { payments, cursor: reached }
    },

    async get(id) {
      const held = ID.test(id) ? await ledger.get(id) : null
      return held && paymentInfo(held.payment)
    },

    async summary(filter = {}) {
      refuseUnknownOptions(filter, SUMMARY_NAMES, 'payments')
      const tally = createTally()
      let reached: string | null = null
      for await (const { payment, cursor } of newestFirst(filter, MAX_SUMMED)) {
        reached = cursor
        if (payment?.state === 'settled') tally.add(payment)
      }
      return { ...tally.sum(), cursor: reached }
    },
  }
}

/** The rows of the order by time that a filter is about. */
function rangeOf({ from, to, cursor }: SummaryFilter): Range {
  const whole = prefixRange(keys.paymentsByTime)
  const start = from === undefined ? whole.start : keys.paymentAt(readInstant('from', from), '')
  const until = to === undefined ? whole.end : keys.paymentAt(readInstant('to', to), '')
  if (cursor === undefined) return { start, end: until }
  if (!CURSOR.test(cursor)) invalidOption('payments.cursor', 'the cursor of a page before', cursor)
  const reached = keys.paymentsByTime + cursor.replace('.', '/')
  const isWithin = reached < until
  return { start, end: isWithin ? reached : until }
}

function readInstant(name: 'from' | 'to', at: number): number {
  if (Number.isInteger(at) && at >= 0 && at <= MAX_INSTANT) return at
  return invalidOption(`payments.${name}`, 'whole epoch milliseconds', at)
}

const cursorOf = (key: string): string => key.slice(keys.paymentsByTime.length).replace('/', '.')

function matches({ route, protocol }: SummaryFilter, row: Readonly<Record<string, unknown>>): boolean {
  if (protocol !== undefined && row['protocol'] !== protocol) return false
  if (route === undefined) return true
  const own = String(row['route'])
  return own === route || routeName(own) === route
}
