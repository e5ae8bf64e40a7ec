import type { ChainId } from '../../client.ts'
import { UsageError } from '../command.ts'

/** Chains by the names that people call them. */
const NETWORKS: Readonly<Record<string, ChainId>> = {
  base: 'eip155:8453',
  'base-sepolia': 'eip155:84532',
  tempo: 'eip155:4217',
  'tempo-moderato': 'eip155:42431',
}

/**
 * Reads a chain: a name such as `base`, a CAIP-2 id, or the number alone.
 *
 * @throws UsageError naming the option.
 */
export function readNetwork(text: string, option: string): ChainId {
  const named = Object.hasOwn(NETWORKS, text) ? NETWORKS[text] : undefined
  const [, number] = /^(?:eip155:)?([1-9]\d{0,14})$/.exec(text) ?? []
  const network = named ?? (number === undefined ? undefined : (`eip155:${Number(number)}` as const))
  if (network !== undefined) return network
  throw new UsageError(
    `--${option}: expected ${Object.keys(NETWORKS).join(', ')}, or a chain such as eip155:8453`,
  )
}

/** A chain for people: its name, if it has one, and its id. */
export function showNetwork(network: string): string {
  const [name] = Object.entries(NETWORKS).find(([, id]) => id === network) ?? []
  return name === undefined ? network : `${name} (${network})`
}
