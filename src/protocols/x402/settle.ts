import { authorizationEvidence } from '../../evm/reconcile.ts'
import type { SignedTransfer } from '../../evm/settler.ts'
import type { Verified } from '../protocol.ts'

/** How a verified transfer is settled, and what is kept to ask the chain about it later. */
export function settleOffer(
  transfer: SignedTransfer,
  v1Network: string | null,
): Pick<Verified, 'evidence' | 'settle'> {
  return {
    evidence: { ...authorizationEvidence(transfer), ...(v1Network !== null && { v1Network }) },
    async settle() {
      // A zero price is paid by the signature alone; there is nothing to move.
      if (transfer.authorization.value === 0n) return { outcome: 'settled', transaction: null, block: null }
      return transfer.network.settler.settle(transfer)
    },
  }
}
