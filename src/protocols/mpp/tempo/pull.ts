import { type Rpc, RpcError } from '../../../evm/rpc.ts'
import type { Hex } from '../../../lib/hex.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { chainNumberOf } from '../../../payments/chain.ts'
import { isRefusal, type Refusal, refuse } from '../../../problems/refusal.ts'
import type { Payload } from '../method.ts'
import { type Context, payloadOf, transactionProof } from './context.ts'
import { broadcast } from './settle.ts'
import { readTransaction } from './transaction.ts'
import { matchTransfer, transfersOfCalls } from './transfer.ts'

/** The payer signed a transaction for us to send: it must make the transfer, and be likely to succeed. */
export async function verifyPull(signature: Hex, context: Context): Promise<Payload | Refusal> {
  const { chain, rpc, terms, now } = context
  const transaction = await readTransaction(signature)
  if (isRefusal(transaction)) return transaction
  const { raw, hash, sender, calls, chainNumber, validBefore, isRecovered, trial } = transaction
  if (chainNumber !== chainNumberOf(chain)) {
    return refuse('verification-failed', 'The transaction is for another chain.', {
      expected: chain,
      got: `eip155:${chainNumber}`,
    })
  }
  if (validBefore !== null && validBefore * 1000 <= now) {
    return refuse('verification-failed', 'The transaction has expired.', {
      got: `validBefore ${validBefore}`,
    })
  }
  const transfer = matchTransfer(transfersOfCalls(calls, sender), terms)
  if (isRefusal(transfer)) return transfer
  const refused = await simulate(rpc, trial)
  if (refused !== null) return refused
  const { memo } = transfer
  const expected = {
    hash,
    validBefore,
    terms: { ...terms, payer: sender, accepts: (other: Hex) => other === memo },
  }
  return {
    ...payloadOf(context),
    payer: sender,
    proofs: [transactionProof(context, hash)],
    evidence: { hash, memo, validBefore },
    // An answer that goes out before the money moves must not rest on a signature that nobody has checked.
    deferred: isRecovered ? { raw } : null,
    settle: () => broadcast(rpc, raw, expected),
  }
}

/** Tries a transaction: the payer should not pay fees for one that fails. The chain still has the last word. */
async function simulate(rpc: Rpc, trial: JsonObject): Promise<Refusal | null> {
  try {
    await rpc.request('eth_call', [trial, 'latest'])
    return null
  } catch (error) {
    if (!(error instanceof RpcError) || error.failure !== 'error') throw error
    return refuse(
      'verification-failed',
      'The transaction would not succeed: it reverts, has expired, or lacks funds.',
    )
  }
}
