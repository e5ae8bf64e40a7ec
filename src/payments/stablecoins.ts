import type { Asset } from './asset.ts'

/** The stablecoins that payments are made in unless told otherwise, each on its chain. */

/** Circle's USDC on Base (8453). */
export const USDC_ON_BASE: Asset = {
  address: '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913',
  decimals: 6,
  symbol: 'USDC',
  eip712: { name: 'USD Coin', version: '2' },
}

/** Circle's USDC on Base Sepolia (84532), the test network. Worth nothing. */
export const USDC_ON_BASE_SEPOLIA: Asset = {
  address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  decimals: 6,
  symbol: 'USDC',
  eip712: { name: 'USDC', version: '2' },
}

/** Bridged USDC on Tempo (4217). */
export const USDC_ON_TEMPO: Asset = {
  address: '0x20c000000000000000000000b9537d11c60e8b50',
  decimals: 6,
  symbol: 'USDC.e',
}

/** pathUSD on Tempo; on its test network (42431) it is what everybody pays in. */
export const PATH_USD: Asset = {
  address: '0x20c0000000000000000000000000000000000000',
  decimals: 6,
  symbol: 'pathUSD',
}
