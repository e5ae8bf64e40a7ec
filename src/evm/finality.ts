import { isHex } from '../lib/hex.ts'
import type { Payment } from '../payments/payment.ts'
import type { EvmNetwork } from './network.ts'
import { readBlock, readReceipt } from './records.ts'
import { RpcError } from './rpc.ts'

/** Whether a settled payment has to be looked at again. */
export function watchesPayment(
  { transaction }: Pick<Payment, 'transaction'>,
  { finality }: EvmNetwork,
): boolean {
  return finality > 0n && isHex(transaction, 32)
}

/** How deep the transaction of a payment lies: deep enough, not yet, or no longer on the chain at all. */
export async function confirmPayment(
  { transaction, block }: Pick<Payment, 'transaction' | 'block'>,
  { rpc, finality }: EvmNetwork,
): Promise<'final' | 'pending' | 'vanished'> {
  if (rpc === null || !isHex(transaction, 32)) return 'pending'
  try {
    const head = await readBlock(rpc, 'latest')
    const receipt = await readReceipt(rpc, transaction)
    // A node that has not come to the block yet knows nothing of the transaction.
    if (receipt === null) return block !== null && head.number < BigInt(block) ? 'pending' : 'vanished'
    return head.number - receipt.block >= finality ? 'final' : 'pending'
  } catch (error) {
    if (error instanceof RpcError) return 'pending'
    throw error
  }
}
