import { invalidOption } from '../problems/error.ts'

/** 78 digits are the width of a uint256. */
const AMOUNT = /^(?:0|[1-9]\d{0,77})$/
const MAX_UINT256 = 2n ** 256n - 1n
const PRICE = /^(?:0|[1-9]\d{0,17})(?:\.(\d{1,18}))?$/

/**
 * Parses base units as the protocols write them: a decimal without sign, leading zero, point or exponent that fits a
 * uint256. `null` for everything else, where `BigInt` would be lenient.
 */
export function parseAmount(text: unknown): bigint | null {
  if (typeof text !== 'string' || !AMOUNT.test(text)) return null
  const amount = BigInt(text)
  return amount <= MAX_UINT256 ? amount : null
}

/** A price in US dollars: an exact decimal, `digits / 10^decimals`. */
export interface Price {
  readonly digits: bigint
  readonly decimals: number
  /** The decimal as the seller wrote it. */
  readonly text: string
}

/**
 * Reads a price such as `'0.01'`.
 *
 * @param option - Name of the option, for the error.
 * @throws CofferError `invalid-option` for anything but a plain decimal string with at most 18 decimals.
 */
export function parsePrice(text: unknown, option = 'price'): Price {
  const found = typeof text === 'string' ? PRICE.exec(text) : null
  if (typeof text !== 'string' || !found) {
    return invalidOption(option, "a US dollar amount as a decimal string such as '0.01'", text)
  }
  const decimals = found[1]?.length ?? 0
  return { digits: BigInt(text.replace('.', '')), decimals, text }
}

/** Decimals of the common scale that prices are compared in: every price is a whole number of 10^-18 dollars. */
const SCALE = 18

/** A price in units of 10^-18 dollars. */
export function atto({ digits, decimals }: Price): bigint {
  return digits * 10n ** BigInt(SCALE - decimals)
}

/** Whether a price is not above a limit. */
export function isAtMost(price: Price, limit: Price): boolean {
  return atto(price) <= atto(limit)
}

/** The sum of prices. */
export function addPrices(...prices: readonly Price[]): Price {
  const digits = prices.reduce((sum, price) => sum + atto(price), 0n)
  return { digits, decimals: SCALE, text: formatAmount(digits, SCALE) }
}

/**
 * Converts a price to base units of an asset worth one US dollar, exactly.
 *
 * @param decimals - Decimals of the asset.
 * @param option - Name of the option, for the error.
 * @throws CofferError `invalid-option` when the price has more decimals than the asset (`1.0000001` of USDC).
 */
export function toBaseUnits(price: Price, decimals: number, option = 'price'): bigint {
  if (price.decimals <= decimals) return price.digits * 10n ** BigInt(decimals - price.decimals)
  const surplus = 10n ** BigInt(price.decimals - decimals)
  if (price.digits % surplus !== 0n) {
    return invalidOption(option, `at most ${decimals} decimals, as the asset has`, price.text)
  }
  return price.digits / surplus
}

/** Writes base units as a decimal of whole tokens, without trailing zeros: 10000 of six decimals is `0.01`. */
export function formatAmount(amount: bigint, decimals: number): string {
  const digits = amount.toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return fraction === '' ? whole : `${whole}.${fraction}`
}
