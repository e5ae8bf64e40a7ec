import * as z from 'zod/mini'
import { type Rpc, RpcError } from '../../../evm/rpc.ts'
import { type Hex, isHex } from '../../../lib/hex.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { toBaseUnits } from '../../../payments/amount.ts'
import type { Asset } from '../../../payments/asset.ts'
import { type ChainId, chainNumberOf } from '../../../payments/chain.ts'
import { isRefusal, type Refusal, refuse } from '../../../problems/refusal.ts'
import type { Charge } from '../../protocol.ts'
import { malformed } from '../credential.ts'
import type { Payload, Presented } from '../method.ts'
import { parseSource } from '../source.ts'
import { isBoundMemo } from './memo.ts'
import { isSigned } from './proof.ts'
import { awaitReceipt, broadcast } from './settle.ts'
import { readTransaction } from './transaction.ts'
import { matchTransfer, type Terms, transfersOfCalls, transfersOfLogs } from './transfer.ts'

/** The chain that is paid on, and the token. */
export interface Setup {
  readonly chain: ChainId
  readonly rpc: Rpc
  readonly asset: Asset
}

/** Everything that one credential is checked with. */
interface Context extends Setup, Presented {
  readonly terms: Terms
}

const bytes = z.custom<Hex>((value) => isHex(value) && value.length > 2, 'hexadecimal bytes')
const hash = z.custom<Hex>((value) => isHex(value, 32), '32 bytes of hexadecimal')

/** Payloads of draft-tempo-charge-00 section 5. */
const schema = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('transaction'), signature: bytes }),
    z.object({ type: z.literal('hash'), hash }),
    z.object({ type: z.literal('proof'), signature: bytes }),
  ],
  'transaction, hash or proof',
)

/** Checks a payload, as far as that moves no money. */
export async function verifyPayload(
  presented: Presented,
  charge: Charge,
  setup: Setup,
): Promise<Payload | Refusal> {
  const parsed = z.safeParse(schema, presented.payload)
  if (!parsed.success) return malformed(parsed.error, 'payload')
  const payload = parsed.data
  const terms: Terms = {
    token: setup.asset.address,
    payer: null,
    recipient: charge.recipient(setup.chain),
    amount: toBaseUnits(charge.price, setup.asset.decimals),
    accepts: (memo) => isBoundMemo(memo, presented.realm, presented.challengeId),
  }
  if ((terms.amount === 0n) !== (payload.type === 'proof')) {
    return refuse('verification-failed', 'A zero price is paid by a proof, and nothing else is.', {
      expected: terms.amount === 0n ? 'proof' : 'transaction or hash',
      got: payload.type,
    })
  }
  const context: Context = { ...setup, ...presented, terms }
  try {
    switch (payload.type) {
      case 'transaction':
        return await verifyTransaction(payload.signature, context)
      case 'hash':
        return await verifyHash(payload.hash, context)
      case 'proof':
        return await verifyProof(payload.signature, context)
    }
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    return refuse('settlement-unavailable', `The payment could not be checked. ${error.message}`, {
      retryAfter: 5,
    })
  }
}

/** The payer signed a transaction for us to send: it must make the transfer, and be likely to succeed. */
async function verifyTransaction(
  signature: Hex,
  { chain, rpc, asset, terms, now }: Context,
): Promise<Payload | Refusal> {
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
    ...payloadOf(asset, terms),
    payer: sender,
    proofs: [transactionProof(chain, hash)],
    evidence: { hash, memo, validBefore },
    // An answer that goes out before the money moves must not rest on a signature that nobody has checked.
    deferred: isRecovered ? { raw } : null,
    settle: () => broadcast(rpc, raw, expected),
  }
}

/** The payer sent the transaction: its receipt must show the transfer, made by the account that the client names. */
async function verifyHash(
  given: Hex,
  { chain, rpc, asset, terms, source }: Context,
): Promise<Payload | Refusal> {
  const payer = source === null ? null : parseSource(source)
  if (source !== null && payer?.chain !== chain) return wrongSource(chain)
  const hash = given.toLowerCase() as Hex
  const receipt = await awaitReceipt(rpc, hash)
  if (receipt === null) return refuse('verification-failed', 'The transaction was not found on the chain.')
  if (!receipt.succeeded) return refuse('verification-failed', 'The transaction was reverted.')
  const transfer = matchTransfer(transfersOfLogs(receipt.logs), { ...terms, payer: payer?.address ?? null })
  if (isRefusal(transfer)) return transfer
  return {
    ...payloadOf(asset, terms),
    payer: transfer.payer,
    proofs: [transactionProof(chain, hash)],
    evidence: { hash, memo: transfer.memo, validBefore: null },
    deferred: null,
    settle: async () => ({ outcome: 'settled', transaction: hash, block: receipt.block.toString() }),
  }
}

/** There is nothing to pay: the payer signed that it is the one who asks. */
async function verifyProof(
  signature: Hex,
  { chain, rpc, asset, terms, source, challengeId, realm }: Context,
): Promise<Payload | Refusal> {
  const payer = source === null ? null : parseSource(source)
  if (payer === null || payer.chain !== chain) return wrongSource(chain)
  const { address: account } = payer
  if (!(await isSigned({ account, challengeId, realm, chainNumber: chainNumberOf(chain) }, signature, rpc))) {
    return refuse('verification-failed', 'The signature is not of the account in source.', {
      expected: account,
    })
  }
  return {
    ...payloadOf(asset, terms),
    payer: account,
    proofs: [],
    evidence: {},
    deferred: null,
    settle: async () => ({ outcome: 'settled', transaction: null, block: null }),
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

function payloadOf(
  asset: Asset,
  { amount, recipient }: Terms,
): Pick<Payload, 'asset' | 'amount' | 'recipient'> {
  return { asset, amount, recipient }
}

/** One transaction stands for one payment, however it was presented. */
function transactionProof(chain: ChainId, hash: Hex): string {
  return `mpp:${chain}:tx:${hash}`
}

function wrongSource(chain: ChainId): Refusal {
  return refuse('verification-failed', 'The credential has no valid source.', {
    expected: `did:pkh:${chain}:0x…`,
  })
}
