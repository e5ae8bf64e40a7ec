import { isHex } from '../lib/hex.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Payment } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import type { EvmNetwork } from './network.ts'
import { readAuthorization, reconcileAuthorization } from './reconcile.ts'
import type { SignedTransfer } from './settler.ts'

/** A zero price is paid by the signature alone; there is nothing to move. */
const FREE: Settlement = { outcome: 'settled', transaction: null, block: null }

/** Moves the money of a transfer now. */
export async function settleTransfer(transfer: SignedTransfer): Promise<Settlement> {
  return transfer.authorization.value === 0n ? FREE : transfer.network.settler.settle(transfer)
}

/** What to keep of a transfer, besides its evidence, to settle it later; `null` when nothing has to move. */
export function deferTransfer({ authorization, signature, resource }: SignedTransfer): JsonObject | null {
  return authorization.value === 0n ? null : { signature, resource }
}

/** Asks the chain about the payment of a transfer. Never throws. */
export async function reconcileTransfer(payment: Payment, network: EvmNetwork): Promise<Settlement> {
  return payment.amount === '0' ? FREE : reconcileAuthorization(payment, network)
}

/** Settles from what {@link deferTransfer} and `authorizationEvidence` kept. Never throws. */
export async function settleDeferredTransfer(
  payment: Payment,
  { signature, resource }: JsonObject,
  network: EvmNetwork,
): Promise<Settlement> {
  const asset = network.assets.find(({ address }) => address === payment.asset)
  const authorization = readAuthorization(payment)
  if (!asset || !authorization || !isHex(signature) || typeof resource !== 'string') {
    const detail = `What was kept of the payment does not fit the configuration of ${network.id}.`
    return { outcome: 'unknown', transaction: payment.transaction, detail }
  }
  return settleTransfer({ network, asset, authorization, signature, resource })
}
