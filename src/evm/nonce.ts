import type { Asset } from '../payments/asset.ts'
import type { Settlement } from '../payments/settlement.ts'
import { encodeCall, quantity, selectorOf, topic, topicOf } from './abi.ts'
import type { Authorization } from './authorization.ts'
import { type Log, readLogs, readReceipt } from './records.ts'
import { type Rpc, RpcError } from './rpc.ts'
import { readWord, showsTransfer } from './token.ts'

/**
 * What became of an authorization, by its nonce: a token accepts each nonce of a payer once, from whoever submits it,
 * or lets the payer cancel it.
 */

const STATE = selectorOf('authorizationState(address,bytes32)')
const USED = topicOf('AuthorizationUsed(address,bytes32)')
const CANCELED = topicOf('AuthorizationCanceled(address,bytes32)')

/** Public nodes search so many blocks in one call; some search fewer, down to ten. */
const MAX_RANGE = 2000n
const MAX_CALLS = 60

type Spending = Pick<Authorization, 'from' | 'nonce'>

/** Whether the nonce was used or cancelled, as of a block. @throws RpcError */
export async function isSpent(
  rpc: Rpc,
  asset: Asset,
  { from, nonce }: Spending,
  block: bigint,
): Promise<boolean> {
  return (await readWord(rpc, asset, encodeCall(STATE, [from, nonce]), quantity(block))) !== 0n
}

/**
 * The log of the nonce being used or cancelled, looked for from the first block to the last. `null` when there is none,
 * or when it lies further than 60 calls reach.
 *
 * @throws RpcError
 */
export async function findSpending(
  rpc: Rpc,
  asset: Asset,
  { from, nonce }: Spending,
  firstBlock: bigint,
  lastBlock: bigint,
): Promise<Log | null> {
  const topics = [[USED, CANCELED], topic(from), topic(nonce)]
  let range = MAX_RANGE
  let fromBlock = firstBlock
  for (let calls = 0; fromBlock <= lastBlock && calls < MAX_CALLS; calls++) {
    const end = fromBlock + range - 1n
    const toBlock = end < lastBlock ? end : lastBlock
    try {
      const [log] = await readLogs(rpc, { address: asset.address, topics, fromBlock, toBlock })
      if (log !== undefined) return log
      fromBlock = toBlock + 1n
    } catch (error) {
      // Nodes refuse ranges that are too long for them, each in its own words.
      if (!(error instanceof RpcError) || error.failure === 'lost' || range === 1n) throw error
      range = range > 5n ? range / 5n : 1n
    }
  }
  return null
}

/** Whether the transaction that spent the nonce is the payment that it was signed for. @throws RpcError */
export async function judgeSpending(
  rpc: Rpc,
  asset: Asset,
  authorization: Authorization,
  { topics, transaction }: Log,
): Promise<Settlement> {
  if (topics[0] === CANCELED) return spent('The payer cancelled the authorization.')
  const receipt = await readReceipt(rpc, transaction)
  if (receipt === null)
    throw new RpcError('error', 'The RPC endpoint has a log of a transaction that it does not know.')
  if (!showsTransfer(receipt.logs, asset, authorization))
    return spent('The authorization was used for another payment.')
  return { outcome: 'settled', transaction, block: receipt.block.toString() }
}

/** The nonce is gone, and not for this payment. */
export function spent(detail: string): Settlement {
  return { outcome: 'failed', cause: 'invalid_exact_evm_nonce_already_used', detail }
}
