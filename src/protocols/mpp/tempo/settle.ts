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

/** A receipt is there as soon as the block, which takes half a second; other nodes of an endpoint may lag behind. */
const RECEIPT_ATTEMPTS = 10
const RECEIPT_PAUSE_MS = 300

/** How long after its validity a transaction still counts as on its way, seconds: nodes of an endpoint differ. */
const GRACE = 30n

/**
 * What nodes write when they refuse a transaction for good. Anything else they write leaves open whether they passed
 * it on: better in doubt than paid twice.
 */
const REFUSED = /insufficient|nonce too low|invalid|valid_before|expired|underpriced|intrinsic gas/i

/** Sends a transaction and waits for its end, both within bounds. */
export async function broadcast(rpc: Rpc, raw: Hex, expected: Expected): Promise<Settlement> {
  const refused = await send(rpc, raw)
  if (refused?.failure === 'unsent') return { outcome: 'unsent', detail: refused.message }
  // An earlier attempt may have brought it to the chain: then the node refuses this one, and the receipt tells.
  const settlement = await awaitEnd(rpc, expected, refused === null ? RECEIPT_ATTEMPTS : 1)
  if (settlement.outcome !== 'unknown' || refused === null) return settlement
  if (refused.failure === 'error' && REFUSED.test(refused.nodeMessage)) {
    return { outcome: 'failed', cause: 'transaction-refused', detail: 'The chain refuses the transaction.' }
  }
  return { ...settlement, detail: refused.message }
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

/** Reads a receipt, and waits a little for one that is about to come. @throws RpcError */
export async function awaitReceipt(
  rpc: Rpc,
  hash: Hex,
  attempts = RECEIPT_ATTEMPTS,
): Promise<Receipt | null> {
  for (let attempt = 1; ; attempt++) {
    const receipt = await readReceipt(rpc, hash)
    if (receipt !== null || attempt >= attempts) return receipt
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

async function awaitEnd(rpc: Rpc, expected: Expected, attempts: number): Promise<Settlement> {
  try {
    const receipt = await awaitReceipt(rpc, expected.hash, attempts)
    if (receipt !== null) return judge(receipt, expected)
    return {
      outcome: 'unknown',
      transaction: expected.hash,
      detail: 'The transaction stands in no block yet.',
    }
  } catch (error) {
    return inDoubt(expected.hash, error)
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
