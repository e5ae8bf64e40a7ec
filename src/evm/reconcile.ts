import { isHex } from '../lib/hex.ts'
import type { JsonObject } from '../lib/json.ts'
import { parseAmount } from '../payments/amount.ts'
import type { Asset } from '../payments/asset.ts'
import type { Payment } from '../payments/payment.ts'
import type { Settlement } from '../payments/settlement.ts'
import type { Authorization } from './authorization.ts'
import type { EvmNetwork } from './network.ts'
import { findSpending, isSpent, judgeSpending, spent } from './nonce.ts'
import { type Block, readBlock, readReceipt } from './records.ts'
import { type Rpc, RpcError } from './rpc.ts'
import type { SignedTransfer } from './settler.ts'
import { showsTransfer } from './token.ts'

/** What is asked of the record of a payment. */
export type AuthorizedPayment = Pick<
  Payment,
  'asset' | 'payer' | 'recipient' | 'amount' | 'evidence' | 'transaction' | 'claimedAt'
>

/** How far the clocks of the chain and of this machine may be apart, seconds. */
const SKEW = 60n

/** Seconds of chain time after which an expired authorization has failed for good, whatever blocks are replaced. */
const FINALITY = 60n

/** What to keep of a transfer, besides its payment, to ask the chain about it later. Cannot move money. */
export function authorizationEvidence({ authorization }: SignedTransfer): JsonObject {
  const { nonce, validAfter, validBefore } = authorization
  return { nonce, validAfter: validAfter.toString(), validBefore: validBefore.toString() }
}

/**
 * Asks the chain what became of an EIP-3009 payment. `settled`: the nonce was used for it, by whichever transaction.
 * `failed`: it expired unused, was cancelled, paid somebody else, or was used before this payment was claimed (for
 * another purchase, then). `unsent`: unused and still valid; settling it again is safe, since the token accepts the
 * nonce once; so is it where no chain can be asked at all. `unknown`: the chain did not answer, or it is too early to tell.
 * Never throws.
 */
export async function reconcileAuthorization(
  payment: AuthorizedPayment,
  network: EvmNetwork,
): Promise<Settlement> {
  const unknown = (detail: string): Settlement => ({
    outcome: 'unknown',
    transaction: payment.transaction,
    detail,
  })
  const asset = network.assets.find(({ address }) => address === payment.asset)
  const authorization = readAuthorization(payment)
  if (network.rpc === null) {
    // To settle it again is all that can be done: whoever stops here leaves a payment that was never sent in doubt for good.
    return { outcome: 'unsent', detail: `No RPC endpoint is configured for ${network.id}.` }
  }
  if (asset === undefined) return unknown(`${payment.asset} is no longer accepted on ${network.id}.`)
  if (authorization === null) return unknown('The payment has no evidence of an authorization.')
  try {
    return await reconcile(network.rpc, asset, authorization, payment)
  } catch (error) {
    if (error instanceof RpcError) return unknown(error.message)
    throw error
  }
}

async function reconcile(
  rpc: Rpc,
  asset: Asset,
  authorization: Authorization,
  { transaction, claimedAt }: AuthorizedPayment,
): Promise<Settlement> {
  if (isHex(transaction, 32)) {
    const receipt = await readReceipt(rpc, transaction)
    if (receipt !== null && showsTransfer(receipt.logs, asset, authorization)) {
      return { outcome: 'settled', transaction, block: receipt.block.toString() }
    }
  }
  const head = await readBlock(rpc, 'latest')
  // The state is read at the very block whose time is compared: nodes behind one endpoint may be blocks apart.
  if (!(await isSpent(rpc, asset, authorization, head.number)))
    return judgeUnspent(authorization, transaction, head)

  const claimed = BigInt(Math.floor(claimedAt / 1000))
  // Nothing is claimed after the newest block but by a clock that is ahead.
  const since = (claimed < head.timestamp ? claimed : head.timestamp) - SKEW
  const first = await blockBefore(rpc, head, since)
  const log = await findSpending(rpc, asset, authorization, first, head.number)
  const earlier = 'The authorization was used before it was presented.'
  if (log !== null) {
    const { timestamp } = await readBlock(rpc, log.block)
    return timestamp < since ? spent(earlier) : judgeSpending(rpc, asset, authorization, log)
  }
  if (await isSpent(rpc, asset, authorization, first)) return spent(earlier)
  return {
    outcome: 'unknown',
    transaction,
    detail: 'The authorization was used; by which transaction is not known yet.',
  }
}

function judgeUnspent(
  { validBefore }: Authorization,
  transaction: string | null,
  { timestamp }: Block,
): Settlement {
  if (timestamp < validBefore)
    return { outcome: 'unsent', detail: 'The authorization is unused and still valid.' }
  if (timestamp < validBefore + FINALITY) {
    return { outcome: 'unknown', transaction, detail: 'The authorization has only just expired.' }
  }
  const cause = 'invalid_exact_evm_payload_authorization_valid_before'
  return { outcome: 'failed', cause, detail: 'The authorization expired unused.' }
}

/** A block from before a time, found in steps that double: some 10 calls for a day. */
async function blockBefore(rpc: Rpc, head: Block, seconds: bigint): Promise<bigint> {
  let block = head
  for (let step = 16n; block.timestamp >= seconds && block.number > 0n; step *= 2n) {
    block = await readBlock(rpc, head.number > step ? head.number - step : 0n)
  }
  return block.number
}

/** The authorization of a payment, from what its record keeps; `null` for a payment that was made otherwise. */
export function readAuthorization({
  payer,
  recipient,
  amount,
  evidence,
}: AuthorizedPayment): Authorization | null {
  const [value, validAfter, validBefore] = [amount, evidence['validAfter'], evidence['validBefore']].map(
    parseAmount,
  )
  const nonce: unknown = evidence['nonce']
  if (value == null || validAfter == null || validBefore == null || !isHex(nonce, 32)) return null
  return { from: payer, to: recipient, value, validAfter, validBefore, nonce }
}
