import type { EvmNetwork } from '../../evm/network.ts'
import { authorizationEvidence, readAuthorization, reconcileAuthorization } from '../../evm/reconcile.ts'
import type { SignedTransfer } from '../../evm/settler.ts'
import { isHex } from '../../lib/hex.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Payment } from '../../payments/payment.ts'
import type { Settlement } from '../../payments/settlement.ts'
import type { Verified } from '../protocol.ts'

/** A zero price is paid by the signature alone; there is nothing to move. */
const FREE: Settlement = { outcome: 'settled', transaction: null, block: null }

/** How a verified transfer is settled, now or later, and what is kept to ask the chain about it. */
export function settlementOf(
  transfer: SignedTransfer,
  v1Network: string | null,
): Pick<Verified, 'evidence' | 'deferred' | 'settle'> {
  const isFree = transfer.authorization.value === 0n
  return {
    evidence: { ...authorizationEvidence(transfer), ...(v1Network !== null && { v1Network }) },
    deferred: isFree ? null : { signature: transfer.signature, resource: transfer.resource },
    settle: async () => (isFree ? FREE : transfer.network.settler.settle(transfer)),
  }
}

/** Settles from what {@link settlementOf} kept. */
export async function settleDeferred(
  payment: Payment,
  { signature, resource }: JsonObject,
  network: EvmNetwork | undefined,
): Promise<Settlement> {
  const asset = network?.assets.find(({ address }) => address === payment.asset)
  const authorization = readAuthorization(payment)
  if (!network || !asset || !authorization || !isHex(signature) || typeof resource !== 'string') {
    return notConfigured(payment)
  }
  return network.settler.settle({ network, asset, authorization, signature, resource })
}

/** Asks the chain about a payment. */
export async function reconcile(payment: Payment, network: EvmNetwork | undefined): Promise<Settlement> {
  if (payment.amount === '0') return FREE
  return network ? reconcileAuthorization(payment, network) : notConfigured(payment)
}

function notConfigured({ transaction, network }: Payment): Settlement {
  return {
    outcome: 'unknown',
    transaction,
    detail: `What was kept of the payment does not fit the configuration of ${network}.`,
  }
}
