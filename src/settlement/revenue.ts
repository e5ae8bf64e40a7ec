import { formatAmount } from '../payments/amount.ts'
import type { Payment } from '../payments/payment.ts'
import { routeName } from '../payments/payment-info.ts'

/** What some payments have brought in. */
export interface Revenue {
  /** How many payments. */
  readonly payments: number
  /** US dollars as a decimal string. */
  readonly revenue: string
}

/** What the payments of a route have brought in. */
export interface RouteRevenue extends Revenue {
  /** Method and path, such as `GET /report`. */
  readonly route: string
}

/** Adds payments up. */
export interface Tally {
  add(payment: Payment): void
  /** What they come to: all of them, and by route, most revenue first. */
  sum(): Revenue & { readonly routes: readonly RouteRevenue[] }
}

/** Decimals of the common scale that amounts are added in: no asset has more. */
const SCALE = 36

/** Begins to add. */
export function createTally(): Tally {
  const byRoute = new Map<string, { payments: number; units: bigint }>()
  return {
    add({ route, amount, decimals }) {
      const name = routeName(route)
      const { payments, units } = byRoute.get(name) ?? { payments: 0, units: 0n }
      const worth = BigInt(amount) * 10n ** BigInt(SCALE - decimals)
      byRoute.set(name, { payments: payments + 1, units: units + worth })
    },
    sum() {
      const rows = [...byRoute].sort(([, one], [, other]) => compare(other.units, one.units))
      return {
        payments: rows.reduce((sum, [, { payments }]) => sum + payments, 0),
        revenue: dollars(rows.reduce((sum, [, { units }]) => sum + units, 0n)),
        routes: rows.map(([route, { payments, units }]) => ({ route, payments, revenue: dollars(units) })),
      }
    },
  }
}

const dollars = (units: bigint): string => formatAmount(units, SCALE)

const compare = (one: bigint, other: bigint): number => Number(one > other) - Number(one < other)
