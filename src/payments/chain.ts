/** A chain by its CAIP-2 id. All chains here are of the `eip155` namespace. */
export type ChainId = `eip155:${number}`

/** CAIP-2 id of an EVM chain number. */
export function chainIdOf(number: number): ChainId {
  return `eip155:${number}`
}

/** EVM chain number of a CAIP-2 id. */
export function chainNumberOf(id: ChainId): number {
  return Number(id.slice('eip155:'.length))
}
