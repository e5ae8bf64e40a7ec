import { type ChainId, chainIdOf } from '../../payments/chain.ts'

/** EVM chains by the names that version 1 has for them. */
const V1_CHAINS: Readonly<Record<string, number>> = {
  base: 8453,
  'base-sepolia': 84532,
  polygon: 137,
  'polygon-amoy': 80002,
  avalanche: 43114,
  'avalanche-fuji': 43113,
  sei: 1329,
  'sei-testnet': 1328,
}

const CAIP2 = /^eip155:([1-9]\d{0,14})$/

/** The chain of a `network` member of either version; `null` for one that is not an EVM chain, or not known. */
export function parseNetwork(network: unknown): ChainId | null {
  if (typeof network !== 'string') return null
  const number = CAIP2.exec(network)?.[1] ?? (Object.hasOwn(V1_CHAINS, network) ? V1_CHAINS[network] : null)
  return number == null ? null : chainIdOf(Number(number))
}
