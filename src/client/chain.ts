import { topic, topicOf } from '../evm/abi.ts'
import { isSpent } from '../evm/nonce.ts'
import { readBlock, readLogs, readReceipt } from '../evm/records.ts'
import { type Rpc, RpcError } from '../evm/rpc.ts'
import type { Asset } from '../payments/asset.ts'
import type { Attempt } from './attempt.ts'

/** What a chain says of the money of an attempt. */
export type Fate =
  /** It moved. */
  | 'moved'
  /** It did not, and the credential is of no use any more. */
  | 'never'
  /** It did not, and still may. */
  | 'open'
  /** The chain did not answer, or cannot tell. */
  | 'unknown'

/** Seconds of chain time after which what has expired is there to stay, whatever blocks are replaced. */
const FINALITY = 60n

const TRANSFERRED_WITH_MEMO = topicOf('TransferWithMemo(address,address,uint256,bytes32)')

/** Blocks that are searched for a transfer in one call. */
const RANGE = 2000n

/** Asks the chain what became of the money of an attempt. Never throws. */
export async function askChain(attempt: Attempt, rpc: Rpc | null): Promise<Fate> {
  const { evidence } = attempt
  if (evidence === null || evidence.kind === 'signature') return 'never'
  if (rpc === null) return 'unknown'
  try {
    // The time first: what has not moved when the validity has ended will never move.
    const head = await readBlock(rpc, 'latest')
    const hasMoved =
      evidence.kind === 'authorization'
        ? await isSpent(
            rpc,
            assetOf(attempt),
            { from: attempt.payment.payer, nonce: evidence.nonce },
            head.number,
          )
        : await isTransferred(attempt, evidence, rpc, head.number)
    if (hasMoved !== false) return hasMoved === null ? 'unknown' : 'moved'
    return head.timestamp > BigInt(evidence.validBefore) + FINALITY ? 'never' : 'open'
  } catch (error) {
    if (error instanceof RpcError) return 'unknown'
    throw error
  }
}

type TransactionEvidence = Extract<NonNullable<Attempt['evidence']>, { readonly kind: 'transaction' }>

/**
 * By its hash; what a sponsor has signed too has another one, and is found by its memo. `null` when it was made before the
 * blocks that a node searches in one call.
 */
async function isTransferred(
  { payment, createdAt }: Attempt,
  { hash, memo }: TransactionEvidence,
  rpc: Rpc,
  head: bigint,
): Promise<boolean | null> {
  if (hash !== null) return (await readReceipt(rpc, hash))?.succeeded ?? false
  const topics = [TRANSFERRED_WITH_MEMO, topic(payment.payer), topic(payment.recipient), memo]
  const fromBlock = head > RANGE ? head - RANGE : 0n
  const logs = await readLogs(rpc, { address: payment.asset, topics, fromBlock, toBlock: head })
  if (logs.length > 0) return true
  const { timestamp } = await readBlock(rpc, fromBlock)
  return timestamp * 1000n < BigInt(createdAt) ? false : null
}

function assetOf({ payment }: Attempt): Asset {
  const { asset, symbol, decimals } = payment
  return { address: asset, symbol, decimals }
}
