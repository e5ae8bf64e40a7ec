import { isHex } from '../lib/hex.ts'
import type { Payment } from '../payments/payment.ts'
import type { EvmNetwork } from './network.ts'
import { type AuthorizedPayment, readAuthorization } from './reconcile.ts'
import { type Receipt, readBlock, readReceipt } from './records.ts'
import { RpcError } from './rpc.ts'
import { showsTransfer } from './token.ts'

/** Whether a settled payment has to be looked at again. */
export function watchesPayment(
  { transaction }: Pick<Payment, 'transaction'>,
  { finality }: EvmNetwork,
): boolean {
  return finality > 0n && isHex(transaction, 32)
}

/**
 * How deep the transaction of a payment lies: deep enough, not yet, or no longer on the chain at all. One that made another
 * transfer, or none, was never there: a facilitator has named it.
 */
export async function confirmPayment(
  payment: AuthorizedPayment & Pick<Payment, 'block'>,
  network: EvmNetwork,
): Promise<'final' | 'pending' | 'vanished'> {
  const { transaction, block } = payment
  const { rpc, finality } = network
  if (rpc === null || !isHex(transaction, 32)) return 'pending'
  try {
    const head = await readBlock(rpc, 'latest')
    const receipt = await readReceipt(rpc, transaction)
    // A node that has not come to the block yet knows nothing of the transaction.
    if (receipt === null) return block !== null && head.number < BigInt(block) ? 'pending' : 'vanished'
    if (!showsPayment(receipt, payment, network)) return 'vanished'
    return head.number - receipt.block >= finality ? 'final' : 'pending'
  } catch (error) {
    if (error instanceof RpcError) return 'pending'
    throw error
  }
}

function showsPayment({ logs }: Receipt, payment: AuthorizedPayment, { assets }: EvmNetwork): boolean {
  const asset = assets.find(({ address }) => address === payment.asset)
  const authorization = readAuthorization(payment)
  // Of a token that is not taken any more nothing can be said.
  return asset === undefined || authorization === null || showsTransfer(logs, asset, authorization)
}
