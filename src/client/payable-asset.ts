import type { Address } from '../payments/address.ts'
import type { Asset } from '../payments/asset.ts'
import { type ChainId, chainIdOf } from '../payments/chain.ts'
import { PATH_USD, USDC_ON_BASE, USDC_ON_BASE_SEPOLIA, USDC_ON_TEMPO } from '../payments/stablecoins.ts'

/** A token that a client pays with. */
export interface PayableAsset extends Asset {
  /** Chain of the token contract. */
  readonly network: ChainId
  /** Whether a whole token is worth one US dollar. Default true; otherwise only limits in the token itself apply to it. */
  readonly isDollar?: boolean
}

/** A token of a chain as CAIP-19 names it: `eip155:8453/erc20:0x…`. */
export type AssetId = `${ChainId}/erc20:${Address}`

/** CAIP-19 name of a token. */
export function assetIdOf(network: ChainId, address: Address): AssetId {
  return `${network}/erc20:${address}`
}

/** What clients pay with unless told otherwise: USDC on Base and Tempo, pathUSD on Tempo, and their test networks. */
export const stablecoins: readonly PayableAsset[] = [
  { ...USDC_ON_BASE, network: chainIdOf(8453) },
  { ...USDC_ON_TEMPO, network: chainIdOf(4217) },
  { ...PATH_USD, network: chainIdOf(4217) },
  { ...USDC_ON_BASE_SEPOLIA, network: chainIdOf(84532) },
  { ...PATH_USD, network: chainIdOf(42431) },
]
