import { parseQuantity } from '../evm/abi.ts'
import { type Hex, isHex } from '../lib/hex.ts'
import type { Json, JsonObject } from '../lib/json.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import { isRefusal } from '../problems/refusal.ts'
import { readTransaction } from '../protocols/mpp/tempo/transaction.ts'
import type { FakeBlocks } from './fake-blocks.ts'
import type { FakeReceipt } from './fake-records.ts'
import type { FakeStablecoins } from './fake-stablecoins.ts'

/** The transactions of a fake Tempo chain (type 0x76), each in a block of its own as soon as it is sent. */
export interface FakeTempoTransactions {
  /** Why a transaction would not succeed now; `null` when it would. */
  refusal(request: JsonObject): string | null
  /** Takes a signed transaction: what became of it, or why a node refuses it. One that was taken before is not made again. */
  send(raw: unknown): Promise<FakeReceipt | string>
  find(hash: Hex): FakeReceipt | null
}

/** What a {@link FakeTempoTransactions} stands on. */
export interface FakeTempoTransactionsOptions {
  readonly chainId: number
  readonly coins: FakeStablecoins
  readonly blocks: FakeBlocks
  /** The token that an account pays fees in. */
  readonly feeTokenOf: (account: Address) => Address
}

/** Attodollars per gas. */
export const TEMPO_BASE_FEE = 10_000_000_000n
/** Attodollars in the smallest unit of a token with six decimals. */
const ATTO = 10n ** 12n
/** What a transfer takes, roughly. */
const GAS_USED = 60_000n
/** The nonce key of transactions that end with their validity instead of counting. */
const EXPIRING = 2n ** 256n - 1n
const LONGEST_EXPIRY = 30n
const MARGIN = 3n

const NEVER = 'Transaction confirmation timeout'

/** Starts with no transactions. */
export function createFakeTempoTransactions(options: FakeTempoTransactionsOptions): FakeTempoTransactions {
  const { chainId, coins, blocks, feeTokenOf } = options
  const receipts = new Map<Hex, FakeReceipt>()
  /** The next nonce of a sender under a key. */
  const nonces = new Map<string, bigint>()

  /** Why a node does not take a transaction, or never puts it into a block; in the words of those there are. */
  function refusalOf(request: JsonObject): string | null {
    const { from, validBefore, validAfter, nonce, nonceKey, gas, maxFee, feeToken } = read(request)
    const now = blocks.head().timestamp
    if (parseQuantity(request['chainId']) !== BigInt(chainId)) return 'invalid chain id for signer'
    if (validBefore !== null && validBefore <= now + MARGIN) return 'Tempo tx valid_before is past'
    if (maxFee < TEMPO_BASE_FEE) return 'max fee per gas less than block base fee'
    if (gas < GAS_USED) return 'intrinsic gas too low'
    const [have, need] = [coins.balanceOf(feeToken, from), feeOf(gas, maxFee)]
    if (have < need) return `insufficient fee token balance: have ${have}, need ${need}`
    if (validAfter !== null && validAfter >= now) return NEVER
    if (nonceKey !== EXPIRING) return nonce === (nonces.get(`${from}/${nonceKey}`) ?? 0n) ? null : NEVER
    return nonce === 0n && validBefore !== null && validBefore <= now + LONGEST_EXPIRY ? null : NEVER
  }

  function read(request: JsonObject) {
    const quantityOf = (name: string): bigint | null => parseQuantity(request[name])
    const from = parseAddress(request['from']) ?? '0x'
    const calls: unknown = request['calls']
    return {
      from,
      calls: Array.isArray(calls) ? (calls as readonly Json[]) : [],
      validBefore: quantityOf('validBefore'),
      validAfter: quantityOf('validAfter'),
      nonce: quantityOf('nonce') ?? 0n,
      nonceKey: quantityOf('nonceKey') ?? 0n,
      gas: quantityOf('gas') ?? 0n,
      maxFee: quantityOf('maxFeePerGas') ?? 0n,
      feeToken: parseAddress(request['feeToken']) ?? feeTokenOf(from),
    }
  }

  return {
    find: (hash) => receipts.get(hash) ?? null,

    refusal(request) {
      const { calls, from } = read(request)
      return refusalOf(request) ?? (coins.wouldExecute(calls, from) ? null : 'execution reverted')
    },

    async send(raw) {
      const transaction = isHex(raw) ? await readTransaction(raw) : null
      if (transaction === null || isRefusal(transaction)) return 'failed to decode signed transaction'
      // Passkeys and access keys are known to the real chain only.
      if (!transaction.isRecovered) return 'this chain knows secp256k1 signatures only'
      const { hash, sender, trial } = transaction
      const known = receipts.get(hash)
      if (known !== undefined) return known
      const refused = refusalOf(trial)
      if (refused !== null) return refused
      const { calls, nonce, nonceKey, feeToken } = read(trial)
      if (nonceKey !== EXPIRING) nonces.set(`${sender}/${nonceKey}`, nonce + 1n)
      const block = blocks.mine()
      coins.takeFee(feeToken, sender, feeOf(GAS_USED, TEMPO_BASE_FEE))
      const logs = coins.execute(calls, sender)
      const receipt: FakeReceipt = {
        hash,
        from: sender,
        to: null,
        block,
        succeeded: logs !== null,
        gasUsed: GAS_USED,
        gasPrice: TEMPO_BASE_FEE,
        logs: logs ?? [],
      }
      receipts.set(hash, receipt)
      return receipt
    },
  }
}

/** In the smallest unit of the token, rounded up. */
function feeOf(gas: bigint, price: bigint): bigint {
  return (gas * price + ATTO - 1n) / ATTO
}
