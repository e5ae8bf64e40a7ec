import type { Rpc } from '../../../evm/rpc.ts'
import type { Hex } from '../../../lib/hex.ts'
import type { Address } from '../../../payments/address.ts'
import type { Asset } from '../../../payments/asset.ts'
import type { ChainId } from '../../../payments/chain.ts'
import { type Refusal, refuse } from '../../../problems/refusal.ts'
import type { Payload, Presented } from '../method.ts'
import { parseSource } from '../source.ts'
import type { Terms } from './transfer.ts'

/** The chain that is paid on, and the token. */
export interface Setup {
  readonly chain: ChainId
  readonly rpc: Rpc
  readonly asset: Asset
}

/** Everything that one payload is checked with. */
export interface Context extends Setup, Presented {
  readonly terms: Terms
}

/** What every verified payload says of the money. */
export function payloadOf({ asset, terms }: Context): Pick<Payload, 'asset' | 'amount' | 'recipient'> {
  return { asset, amount: terms.amount, recipient: terms.recipient }
}

/** One transaction stands for one payment, however it was presented. */
export function transactionProof({ chain }: Setup, hash: Hex): string {
  return `mpp:${chain}:tx:${hash}`
}

/** The account that the client says it pays with; `null` when it does not say. Must be one on this chain. */
export function readSource({ source, chain }: Context): Address | Refusal | null {
  if (source === null) return null
  const account = parseSource(source)
  return account?.chain === chain ? account.address : wrongSource(chain)
}

/** The credential names no account that can pay here. */
export function wrongSource(chain: ChainId): Refusal {
  return refuse('verification-failed', 'The credential has no valid source.', {
    expected: `did:pkh:${chain}:0x…`,
  })
}
