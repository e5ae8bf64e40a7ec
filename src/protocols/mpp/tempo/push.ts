import type { Hex } from '../../../lib/hex.ts'
import { isRefusal, type Refusal, refuse } from '../../../problems/refusal.ts'
import type { Payload } from '../method.ts'
import { type Context, payloadOf, readSource, transactionProof } from './context.ts'
import { awaitReceipt } from './settle.ts'
import { matchTransfer, transfersOfLogs } from './transfer.ts'

/** The payer sent the transaction: its receipt must show the transfer, made by the account that the client names. */
export async function verifyPush(given: Hex, context: Context): Promise<Payload | Refusal> {
  const payer = readSource(context)
  if (isRefusal(payer)) return payer
  const hash = given.toLowerCase() as Hex
  const receipt = await awaitReceipt(context.rpc, hash)
  if (receipt === null) return refuse('verification-failed', 'The transaction was not found on the chain.')
  if (!receipt.succeeded) return refuse('verification-failed', 'The transaction was reverted.')
  const transfer = matchTransfer(transfersOfLogs(receipt.logs), { ...context.terms, payer })
  if (isRefusal(transfer)) return transfer
  return {
    ...payloadOf(context),
    payer: transfer.payer,
    proofs: [transactionProof(context, hash)],
    evidence: { hash, memo: transfer.memo, validBefore: null },
    deferred: null,
    settle: async () => ({ outcome: 'settled', transaction: hash, block: receipt.block.toString() }),
  }
}
