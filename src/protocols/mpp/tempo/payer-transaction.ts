import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Account } from 'viem'
import { encodeCall, selectorOf } from '../../../evm/abi.ts'
import { type Rpc, RpcError } from '../../../evm/rpc.ts'
import { attempt, type Serializer, type Signer } from '../../../evm/signer.ts'
import { fromHex, type Hex, isHex, toHex } from '../../../lib/hex.ts'
import type { JsonObject } from '../../../lib/json.ts'
import type { Address } from '../../../payments/address.ts'
import { type ChainId, chainNumberOf } from '../../../payments/chain.ts'
import { CofferError } from '../../../problems/error.ts'
import type { Signing } from '../../payer.ts'
import type { ChargeRequest } from '../charge-request.ts'
import { boundMemo } from './memo.ts'
import type { Payment } from './pay.ts'
import { awaitReceipt } from './settle.ts'

/** How long a transaction is good for, seconds: the chain takes no expiring nonce for longer. */
const VALIDITY_SECONDS = 25

/** The transaction is estimated without its signature, which costs gas too. */
const SIGNATURE_GAS = 5000n

const TRANSFER = selectorOf('transfer(address,uint256)')
const TRANSFER_WITH_MEMO = selectorOf('transferWithMemo(address,uint256,bytes32)')

/** Signs a transaction that pays a charge, for the server or the payer to send. */
export async function signTransfer(charge: ChargeRequest, signing: Signing): Promise<Payment> {
  const { challenge, chain, expiresAt, methodDetails } = charge
  const { signer, rpc, now } = signing
  if (rpc === null || signer.signTransaction === undefined) {
    throw new CofferError('invalid-state', 'Tempo needs an RPC endpoint and a wallet that signs transactions')
  }
  const mode = modeOf(methodDetails, signing.mode)
  const end = Math.floor((expiresAt ?? Number.POSITIVE_INFINITY) / 1000)
  const validBefore = Math.min(end, Math.floor(now / 1000) + VALIDITY_SECONDS)
  const memo = boundMemo(challenge.realm, challenge.id)
  const isSponsored = methodDetails['feePayer'] === true && mode === 'pull'
  const calls = callsOf(charge, memo)
  const { transaction, serializer } = await prepare({ chain, rpc, signer, calls, validBefore, isSponsored })
  const raw = await attempt(async () => signer.signTransaction?.(transaction, { serializer }))
  // A sponsor signs too, and changes the hash.
  const hash = isSponsored ? null : toHex(keccak_256(fromHex(raw)))
  const evidence = { kind: 'transaction', hash, memo, validBefore } as const
  if (mode === 'pull' || hash === null) {
    return { payload: { type: 'transaction', signature: raw }, evidence: { ...evidence, raw: null } }
  }
  return { payload: { type: 'hash', hash }, evidence: { ...evidence, raw } }
}

/**
 * Sends a transaction that the payer has signed, as often as it takes: the chain takes it once.
 *
 * @returns Whether it succeeded; `null` while that is not known.
 * @throws RpcError
 */
export async function publish(raw: Hex, hash: Hex, rpc: Rpc): Promise<boolean | null> {
  // A node refuses one that it has had already: only the receipt tells.
  const sent = await rpc.request('eth_sendRawTransactionSync', [raw]).catch((error: unknown) => {
    if (!(error instanceof RpcError)) throw error
    return null
  })
  const receipt = await awaitReceipt(rpc, hash, sent === null ? 0 : undefined)
  return receipt === null ? null : receipt.succeeded
}

/** The way that the payer wants, unless the server takes the other one only. */
function modeOf({ supportedModes: modes }: JsonObject, wanted: Signing['mode']): Signing['mode'] {
  if (!Array.isArray(modes) || modes.includes(wanted)) return wanted
  return wanted === 'pull' ? 'push' : 'pull'
}

interface Call {
  readonly to: Address
  readonly data: Hex
}

/** The recipient's transfer bears the memo that binds the payment to its challenge; then come the splits. */
function callsOf({ currency, amount, recipient, splits }: ChargeRequest, memo: Hex): readonly Call[] {
  const rest = splits.reduce((sum, split) => sum - split.amount, amount)
  const data = encodeCall(TRANSFER_WITH_MEMO, [recipient, rest, memo])
  const others = splits.map(({ recipient: to, amount: part, memo: note }) =>
    isHex(note) ? encodeCall(TRANSFER_WITH_MEMO, [to, part, note]) : encodeCall(TRANSFER, [to, part]),
  )
  return [data, ...others].map((each) => ({ to: currency, data: each }))
}

/** What a transaction is made of. */
interface Draft {
  readonly chain: ChainId
  readonly rpc: Rpc
  readonly signer: Signer
  readonly calls: readonly Call[]
  readonly validBefore: number
  readonly isSponsored: boolean
}

/** Asks the chain for gas and fees, and completes the transaction. Loads viem. */
async function prepare({ chain, rpc, signer, calls, validBefore, isSponsored }: Draft) {
  const [{ createClient, custom }, { prepareTransactionRequest }, { tempo, tempoModerato }, { Transaction }] =
    await Promise.all([
      import('viem'),
      import('viem/actions'),
      import('viem/tempo/chains'),
      import('viem/tempo'),
    ])
  const transport = custom(
    { request: ({ method, params }) => rpc.request(method, params ?? []) },
    { retryCount: 0 },
  )
  const number = chainNumberOf(chain)
  const known = number === tempoModerato.id ? tempoModerato : { ...tempo, id: number }
  const client = createClient({ chain: known, transport })
  const account = { ...signer, type: 'local', source: 'custom', publicKey: '0x' } as unknown as Account
  const request = { account, calls, nonceKey: 'expiring', validBefore }
  const prepared: Record<string, unknown> & { gas?: bigint } = await prepareTransactionRequest(
    client,
    request as unknown as Parameters<typeof prepareTransactionRequest>[1],
  )
  const { account: _, feePayerSignature, feeToken, ...transaction } = prepared
  const gas = (prepared.gas ?? 0n) + SIGNATURE_GAS
  return {
    transaction: {
      ...transaction,
      gas,
      ...(isSponsored ? { feePayer: true } : { feeToken, feePayerSignature }),
    },
    serializer: Transaction.serialize as Serializer,
  }
}
