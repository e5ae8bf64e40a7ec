import { type Asset, type PayableAsset, stablecoins } from '../../client.ts'
import { formatAmount } from '../../payments/amount.ts'

/** The token of a chain, when it is one that clients of Coffer pay with; `null` for any other. */
export function knownToken(network: string, address: string): PayableAsset | null {
  const wanted = address.toLowerCase()
  return stablecoins.find((each) => each.network === network && each.address === wanted) ?? null
}

/** Base units for people: in whole tokens, where the decimals are known. */
export function showUnits(units: bigint, asset: Asset | null): string {
  if (asset === null) return `${units} base units of a token whose decimals are not known here`
  return `${formatAmount(units, asset.decimals)} ${asset.symbol}`
}
