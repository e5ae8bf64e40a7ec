import { atto, formatAmount, parsePrice } from '../payments/amount.ts'
import { invalidOption } from '../problems/error.ts'
import { type AssetId, assetIdOf, type PayableAsset } from './payable-asset.ts'

/**
 * How much may be paid: US dollars (`'0.10'`), or by the token: `{ usd: '5', 'eip155:8453/erc20:0x…': '3.5' }`, in whole
 * tokens. A payment must keep to every member that it touches.
 */
export type LimitOption = string | Readonly<Record<string, string>>

/** A {@link LimitOption}, read. */
export interface Limit {
  /** 10^-18 dollars; `null` when dollars are not limited. */
  readonly usd: bigint | null
  /** Base units by token. */
  readonly assets: ReadonlyMap<AssetId, bigint>
}

/** What a payment takes. */
export interface Cost {
  readonly asset: AssetId
  readonly decimals: number
  /** Base units. */
  readonly units: bigint
  /** 10^-18 dollars; `null` for a token that is not worth one. */
  readonly usd: bigint | null
}

/** Decimals that sums of dollars are kept in. */
export const USD_DECIMALS = 18

/** What an amount of a token takes. What is finer than 10^-18 dollars is rounded up. */
export function costOf(
  { network, address, decimals, isDollar = true }: Omit<PayableAsset, 'symbol' | 'eip712'>,
  units: bigint,
): Cost {
  const asset = assetIdOf(network, address)
  return { asset, decimals, units, usd: isDollar ? dollarsOf(units, decimals) : null }
}

function dollarsOf(units: bigint, decimals: number): bigint {
  if (decimals <= USD_DECIMALS) return units * 10n ** BigInt(USD_DECIMALS - decimals)
  const scale = 10n ** BigInt(decimals - USD_DECIMALS)
  return (units + scale - 1n) / scale
}

/**
 * Reads a limit.
 *
 * @param assets - The tokens that it may name.
 * @throws CofferError `invalid-option` naming the option.
 */
export function readLimit(value: unknown, option: string, assets: readonly PayableAsset[]): Limit {
  if (typeof value === 'string') return { usd: atto(parsePrice(value, option)), assets: new Map() }
  if (typeof value !== 'object' || value === null) {
    return invalidOption(option, "US dollars such as '0.10', or an object of limits by token", value)
  }
  let usd: bigint | null = null
  const byAsset = new Map<AssetId, bigint>()
  for (const [name, amount] of Object.entries(value)) {
    const price = parsePrice(amount, `${option}.${name}`)
    if (name === 'usd') usd = atto(price)
    else {
      const asset = assets.find(({ network, address }) => assetIdOf(network, address) === name.toLowerCase())
      if (asset === undefined)
        return invalidOption(`${option}.${name}`, 'usd, or the CAIP-19 name of one of policy.assets')
      byAsset.set(assetIdOf(asset.network, asset.address), unitsOf(atto(price), asset.decimals))
    }
  }
  if (usd === null && byAsset.size === 0) invalidOption(option, 'at least one limit')
  return { usd, assets: byAsset }
}

/** Base units of a limit in 10^-18 tokens; what the token cannot express is left out. */
function unitsOf(amount: bigint, decimals: number): bigint {
  return decimals <= USD_DECIMALS
    ? amount / 10n ** BigInt(USD_DECIMALS - decimals)
    : amount * 10n ** BigInt(decimals - USD_DECIMALS)
}

/** Whether a limit says anything about a payment. */
export function touches({ usd, assets }: Limit, cost: Cost): boolean {
  return (usd !== null && cost.usd !== null) || assets.has(cost.asset)
}

/**
 * What a payment would take a limit beyond; `null` when it keeps to it.
 *
 * @param used - What counts against the limit already.
 */
export function excess(
  limit: Limit,
  cost: Cost,
  used: { readonly usd: bigint; readonly units: bigint },
): { readonly expected: string; readonly got: string } | null {
  if (limit.usd !== null && cost.usd !== null && used.usd + cost.usd > limit.usd) {
    return shown(limit.usd, used.usd, cost.usd, USD_DECIMALS, 'USD')
  }
  const most = limit.assets.get(cost.asset)
  if (most === undefined || used.units + cost.units <= most) return null
  return shown(most, used.units, cost.units, cost.decimals, cost.asset)
}

function shown(most: bigint, used: bigint, wanted: bigint, decimals: number, unit: string) {
  const left = used < most ? most - used : 0n
  return {
    expected: `at most ${formatAmount(left, decimals)} ${unit}, of ${formatAmount(most, decimals)}`,
    got: `${formatAmount(wanted, decimals)} ${unit}`,
  }
}
