import { quantity, topic } from '../evm/abi.ts'
import type { Hex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import type { FakeBlock } from './fake-blocks.ts'

/** What became of a transaction. */
export interface FakeReceipt {
  readonly hash: Hex
  readonly from: Address
  readonly to: Address | null
  readonly block: FakeBlock
  readonly succeeded: boolean
  readonly gasUsed: bigint
  /** Of the smallest unit of what gas is paid in. */
  readonly gasPrice: bigint
  readonly logs: readonly FakeLog[]
}

/** What a contract says during a transaction. */
export interface FakeLog {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
}

/** A block as nodes show it. */
export function blockJson({ number, timestamp }: FakeBlock, baseFee: bigint) {
  return {
    number: quantity(number),
    hash: topic(number),
    timestamp: quantity(timestamp),
    baseFeePerGas: quantity(baseFee),
    transactions: [],
  }
}

/** A receipt as nodes show it, of a transaction of this type. */
export function receiptJson(receipt: FakeReceipt, type: Hex) {
  const { block, hash, from, to, succeeded, gasUsed, gasPrice, logs } = receipt
  const where = {
    transactionHash: hash,
    transactionIndex: '0x0',
    blockNumber: quantity(block.number),
    blockHash: topic(block.number),
  }
  return {
    ...where,
    type,
    from,
    to,
    contractAddress: null,
    status: succeeded ? '0x1' : '0x0',
    gasUsed: quantity(gasUsed),
    cumulativeGasUsed: quantity(gasUsed),
    effectiveGasPrice: quantity(gasPrice),
    logs: logs.map((log, at) => ({ ...log, ...where, logIndex: quantity(BigInt(at)) })),
  }
}
