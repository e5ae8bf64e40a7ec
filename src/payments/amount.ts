import { invalidOption } from '../problems/error.ts'

const AMOUNT = /^(?:0|[1-9]\d{0,77})$/
const PRICE = /^(?:0|[1-9]\d{0,17})(?:\.(\d{1,18}))?$/

/**
 * Parses base units as the protocols write them: a decimal without sign, leading zero, point or exponent, at most
 * 78 digits (the width of a uint256). `null` for everything else, where `BigInt` would be lenient.
 */
export function parseAmount(text: unknown): bigint | null {
  return typeof text === 'string' && AMOUNT.test(text) ? BigInt(text) : null
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

/**
 * Converts a price to base units of an asset worth one US dollar, exactly.
 *
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
