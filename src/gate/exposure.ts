import { addPrices, formatAmount, isAtMost, type Price, parsePrice } from '../payments/amount.ts'
import { allUnsettled, keys } from '../stores/keys.ts'
import type { Store, Write } from '../stores/store.ts'

/** Payments in the background at once, whatever they are worth: as many as one page of the store holds. */
const MAX_PAYMENTS = 1000

/** An amount of a payment, in base units. */
export interface Exposed {
  readonly amount: bigint
  readonly decimals: number
}

/**
 * The writes that add a payment to those answered before their money moved; `null` when that would exceed the limit.
 * Every such claim writes one common key, so that two cannot both take the last of the room.
 */
export async function expose(
  payment: string,
  { amount, decimals }: Exposed,
  limit: Price,
  store: Store,
): Promise<readonly Write[] | null> {
  // In this order: a claim that comes between the two changes the guard, and ours does not hold.
  const guard = await store.get(keys.exposure)
  const unsettled = await store.list(allUnsettled, { limit: MAX_PAYMENTS })
  if (unsettled.length === MAX_PAYMENTS) return null
  const worth = parsePrice(formatAmount(amount, decimals))
  const others = unsettled.map(({ value }) => parsePrice(value['usd']))
  if (!isAtMost(addPrices(worth, ...others), limit)) return null
  return [
    { key: keys.exposure, value: {}, if: guard === null ? 'absent' : { version: guard.version } },
    { key: keys.unsettled(payment), value: { usd: worth.text } },
  ]
}
