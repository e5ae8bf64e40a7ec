import { type Address, parseAddress } from '../../payments/address.ts'
import { type ChainId, chainIdOf } from '../../payments/chain.ts'

/** An account on a chain, as a credential's `source` names the payer. */
export interface Source {
  readonly chain: ChainId
  readonly address: Address
}

/** `did:pkh` of the CAIP-10 account: the only form that our methods define. */
const DID = /^did:pkh:eip155:(0|[1-9]\d{0,14}):(0x[0-9a-fA-F]{40})$/

/** Parses the payer's DID; `null` when it is not an account on an EVM chain. */
export function parseSource(source: string): Source | null {
  const [, chain, account] = DID.exec(source) ?? []
  const address = parseAddress(account)
  return address === null ? null : { chain: chainIdOf(Number(chain)), address }
}

/** Formats a payer's DID. */
export function formatSource({ chain, address }: Source): string {
  return `did:pkh:${chain}:${address}`
}
