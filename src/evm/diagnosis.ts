import type { Settlement } from '../payments/settlement.ts'
import { authorizationDigest } from './authorization.ts'
import { findSpending, isSpent, judgeSpending, spent } from './nonce.ts'
import { readBlock } from './records.ts'
import type { Rpc } from './rpc.ts'
import type { SignedTransfer } from './settler.ts'
import { verifySigner } from './signature.ts'
import { balanceOf } from './token.ts'

/**
 * Why a token refuses a transfer: asked of its state, because tokens word their errors as they like. A nonce that was
 * spent after the block at which the settlement began was spent by somebody who saw ours on its way; when that paid
 * the recipient, the payment is settled. One spent earlier has bought something else.
 *
 * @throws RpcError
 */
export async function diagnoseRefusal(
  rpc: Rpc,
  transfer: SignedTransfer,
  begun: bigint,
): Promise<Settlement> {
  const { network, asset, authorization, signature } = transfer
  const head = await readBlock(rpc, 'latest')
  if (await isSpent(rpc, asset, authorization, head.number)) {
    const log = await findSpending(rpc, asset, authorization, begun + 1n, head.number)
    return log === null
      ? spent('The authorization was used before.')
      : judgeSpending(rpc, asset, authorization, log)
  }
  if (head.timestamp >= authorization.validBefore) {
    return failed(
      'payload_authorization_valid_before',
      'The authorization expired before it reached a block.',
    )
  }
  if (head.timestamp <= authorization.validAfter) {
    return failed('payload_authorization_valid_after', 'The authorization is not valid yet.')
  }
  if ((await balanceOf(rpc, asset, authorization.from)) < authorization.value) {
    return failed('insufficient_balance', `The payer has too little ${asset.symbol}.`)
  }
  const digest = authorizationDigest(network.id, asset, authorization)
  if ((await verifySigner(rpc, { payer: authorization.from, digest, signature })) !== null) {
    return failed('signature', "The signature is not the payer's.")
  }
  return failed('transaction_simulation_failed', `${asset.symbol} refuses the transfer.`)
}

/** A transfer that moved nothing, with a cause of the x402 SDK. */
export function failed(cause: string, detail: string): Settlement {
  return { outcome: 'failed', cause: `invalid_exact_evm_${cause}`, detail }
}
