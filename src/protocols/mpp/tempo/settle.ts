import { type Receipt, readBlock, readReceipt } from '../../../evm/records.ts'
import { type Rpc, RpcError } from '../../../evm/rpc.ts'
import type { Hex } from '../../../lib/hex.ts'
import type { Settlement } from '../../../payments/settlement.ts'
import { isRefusal } from '../../../problems/refusal.ts'
import { matchTransfer, type Terms, transfersOfLogs } from './transfer.ts'

/** A transaction that should pay a charge. */
export interface Expected {
  readonly hash: Hex
  readonly terms: Terms
  /** End of its validity, epoch seconds; `null` when it has none. */
  readonly validBefore: number | null
}

/** How long to look for a receipt. Blocks take half a second; other nodes of an endpoint may lag behind. */
const RECEIPT_WAIT_MS = 3000
const RECEIPT_PAUSE_MS = 250

/** How long after its validity a transaction still counts as on its way, seconds: nodes of an endpoint differ. */
const GRACE = 30n

/**
 * What nodes write when they refuse a transaction for good. Anything else they write leaves open whether they passed
 * it on: better in doubt than paid twice.
 */
const REFUSED =
  /insufficient (?:funds|fee token|balance)|nonce too low|invalid (?:chain id|signature|fee token)|valid_before|transaction expired|underpriced|intrinsic gas/i

/** Sends a transaction and waits for its end, both within bounds. */
export async function broadcast(rpc: Rpc, raw: Hex, expected: Expected): Promise<Settlement> {
  const refused = await send(rpc, raw)
  if (refused?.failure === 'unsent') return { outcome: 'unsent', detail: refused.message }
  try {
    // An earlier attempt may have brought it to the chain: then the node refuses this one, and the receipt tells.
    const receipt = await awaitReceipt(rpc, expected.hash, refused === null ? RECEIPT_WAIT_MS : 0)
    if (receipt !== null) return judge(receipt, expected)
  } catch (error) {
    return inDoubt(expected.hash, error)
  }
  if (refused?.failure === 'error' && REFUSED.test(refused.nodeMessage)) {
    return { outcome: 'failed', cause: 'transaction-refused', detail: 'The chain refuses the transaction.' }
  }
  const detail = refused?.message ?? 'The transaction stands in no block yet.'
  return { outcome: 'unknown', transaction: expected.hash, detail }
}

/** Asks the chain what became of a transaction that was sent, or was about to be. */
export async function reconcile(rpc: Rpc, expected: Expected): Promise<Settlement> {
  const { hash, validBefore } = expected
  try {
    // The time first: a receipt that is missing after the validity ended will never come.
    const { timestamp } = await readBlock(rpc, 'latest')
    const receipt = await readReceipt(rpc, hash)
    if (receipt !== null) return judge(receipt, expected)
    if (validBefore !== null && timestamp > BigInt(validBefore) + GRACE) {
      return { outcome: 'failed', cause: 'transaction-expired', detail: 'The transaction expired unseen.' }
    }
    // Sending the same transaction again is always safe: the chain takes it once.
    return { outcome: 'unsent', detail: 'The chain has not seen the transaction.' }
  } catch (error) {
    return inDoubt(hash, error)
  }
}

/**
 * Reads a receipt, and waits a little for one that is about to come, or for a node that is about to come back.
 *
 * @throws RpcError
 */
export async function awaitReceipt(rpc: Rpc, hash: Hex, waitMs = RECEIPT_WAIT_MS): Promise<Receipt | null> {
  const deadline = Date.now() + waitMs
  for (;;) {
    const found = await readReceipt(rpc, hash).catch((error: unknown) => {
      if (error instanceof RpcError) return error
      throw error
    })
    const isOver = Date.now() + RECEIPT_PAUSE_MS > deadline
    if (found instanceof RpcError && isOver) throw found
    if (!(found instanceof RpcError) && (found !== null || isOver)) return found
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_PAUSE_MS))
  }
}

async function send(rpc: Rpc, raw: Hex): Promise<RpcError | null> {
  try {
    await rpc.request('eth_sendRawTransactionSync', [raw])
    return null
  } catch (error) {
    if (error instanceof RpcError) return error
    throw error
  }
}

/** A transaction that ended well still has to have moved the money, to us, from this payer. */
function judge({ transaction, block, succeeded, logs }: Receipt, { terms }: Expected): Settlement {
  if (!succeeded)
    return { outcome: 'failed', cause: 'transaction-reverted', detail: 'The transaction was reverted.' }
  const transfer = matchTransfer(transfersOfLogs(logs), terms)
  if (isRefusal(transfer)) return { outcome: 'failed', cause: 'transfer-missing', detail: transfer.detail }
  return { outcome: 'settled', transaction, block: block.toString() }
}

function inDoubt(transaction: Hex, error: unknown): Settlement {
  if (!(error instanceof RpcError)) throw error
  return { outcome: 'unknown', transaction, detail: error.message }
}
