import { keccak_256 } from '@noble/hashes/sha3.js'
import { fromHex, type Hex, isHex, toHex } from '../lib/hex.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import type { FakeBlocks } from './fake-blocks.ts'
import type { FakeReceipt } from './fake-records.ts'
import { type FakeToken, readTransferCall } from './fake-token.ts'

/** The transactions of a fake chain, each in a block of its own as soon as it is sent. */
export interface FakeTransactions {
  /** How many an account has sent. */
  countOf(account: Address): bigint
  /** Native currency of an account, wei. */
  gasMoneyOf(account: Address): bigint
  setGasMoney(account: Address, wei: bigint): void
  /** Takes a raw transaction: its hash, or why a node refuses it. */
  send(raw: unknown): Promise<{ readonly hash: Hex } | { readonly refused: string }>
  find(hash: Hex): FakeReceipt | null
  all(): readonly FakeReceipt[]
}

/** Wei per gas. */
export const BASE_FEE = 10_000_000n

const PLAIN_GAS = 21_000n
/** What the token takes for a transfer, roughly. */
const TRANSFER_GAS = 70_000n

/** A signed transaction of type 2 (EIP-1559). */
interface Transaction {
  readonly hash: Hex
  readonly from: Address
  readonly nonce: bigint
  readonly to: Address | null
  readonly data: Hex
  readonly value: bigint
  readonly gas: bigint
  readonly maxFee: bigint
  readonly tip: bigint
}

/** Starts with no transactions. */
export function createFakeTransactions(
  chainId: number,
  tokenAddress: Address,
  token: FakeToken,
  blocks: FakeBlocks,
): FakeTransactions {
  const counts = new Map<Address, bigint>()
  const gasMoney = new Map<Address, bigint>()
  const receipts = new Map<Hex, FakeReceipt>()
  /** Transactions that wait for one before them, by sender and nonce. */
  const waiting = new Map<string, Transaction>()
  const countOf = (account: Address): bigint => counts.get(account) ?? 0n
  const gasMoneyOf = (account: Address): bigint => gasMoney.get(account) ?? 0n

  /** Why a node does not take a transaction, in the words of those there are. */
  function refusalOf({ from, nonce, gas, maxFee, value }: Transaction): string | null {
    if (nonce < countOf(from)) return 'nonce too low'
    if (maxFee < BASE_FEE) return 'max fee per gas less than block base fee'
    if (gas < PLAIN_GAS) return 'intrinsic gas too low'
    return gasMoneyOf(from) < gas * maxFee + value ? 'insufficient funds for gas * price + value' : null
  }

  function mine({ hash, from, to, data, value, gas, maxFee, tip }: Transaction): void {
    const block = blocks.mine()
    const isToken = to === tokenAddress
    const call = isToken ? readTransferCall(data) : null
    const needed = isToken ? PLAIN_GAS + TRANSFER_GAS : PLAIN_GAS
    const isMade =
      gas >= needed && (isToken ? call !== null && token.refusal(call, block.timestamp) === null : true)
    const logs = isMade && call !== null ? token.transfer(call, block.number) : []
    const gasUsed = gas < needed ? gas : needed
    const wanted = BASE_FEE + tip
    const gasPrice = wanted < maxFee ? wanted : maxFee
    const moved = isMade ? value : 0n
    counts.set(from, countOf(from) + 1n)
    gasMoney.set(from, gasMoneyOf(from) - gasUsed * gasPrice - moved)
    if (to !== null) gasMoney.set(to, gasMoneyOf(to) + moved)
    receipts.set(hash, { hash, from, to, block, succeeded: isMade, gasUsed, gasPrice, logs })
  }

  return {
    countOf,
    gasMoneyOf,
    setGasMoney: (account, wei) => void gasMoney.set(account, wei),
    find: (hash) => receipts.get(hash) ?? null,
    all: () => [...receipts.values()],
    async send(raw) {
      const transaction = await readTransaction(raw, chainId)
      if (typeof transaction === 'string') return { refused: transaction }
      const refused = refusalOf(transaction)
      if (refused !== null) return { refused }
      const { hash, from, nonce } = transaction
      waiting.set(`${from}/${nonce}`, transaction)
      let next = waiting.get(`${from}/${countOf(from)}`)
      while (next !== undefined) {
        waiting.delete(`${from}/${next.nonce}`)
        mine(next)
        next = waiting.get(`${from}/${countOf(from)}`)
      }
      return { hash }
    },
  }
}

/** Reads a raw transaction and who signed it; text says why a node would not. Loads viem. */
async function readTransaction(raw: unknown, chainId: number): Promise<Transaction | string> {
  if (!isHex(raw)) return 'failed to decode signed transaction'
  const { parseTransaction, recoverTransactionAddress } = await import('viem')
  try {
    const parsed = parseTransaction(raw)
    if (parsed.type !== 'eip1559') return 'transaction type not supported'
    if (parsed.chainId !== chainId) return 'invalid chain id for signer'
    const serializedTransaction = raw as `0x02${string}`
    const from = parseAddress(await recoverTransactionAddress({ serializedTransaction }))
    if (from === null) return 'invalid sender'
    return {
      hash: toHex(keccak_256(fromHex(raw))),
      from,
      nonce: BigInt(parsed.nonce ?? 0),
      to: parseAddress(parsed.to),
      data: parsed.data ?? '0x',
      value: parsed.value ?? 0n,
      gas: parsed.gas ?? 0n,
      maxFee: parsed.maxFeePerGas ?? 0n,
      tip: parsed.maxPriorityFeePerGas ?? 0n,
    }
  } catch {
    return 'failed to decode signed transaction'
  }
}
