import { type Hex, isHex } from '../lib/hex.ts'
import { isJsonObject, type Json } from '../lib/json.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import { parseQuantity, quantity } from './abi.ts'
import { type Rpc, RpcError } from './rpc.ts'

/** What a chain has recorded, read through JSON-RPC. A record of the wrong shape is a failure of the node. */

/** The head of a block. */
export interface Block {
  readonly number: bigint
  /** Epoch seconds. */
  readonly timestamp: bigint
  /** Wei per gas (EIP-1559); `null` on chains without it. */
  readonly baseFee: bigint | null
}

/** The end of a transaction that stands in a block. */
export interface Receipt {
  readonly transaction: Hex
  readonly block: bigint
  readonly succeeded: boolean
  readonly logs: readonly Log[]
}

/** What a contract said during a transaction. */
export interface Log {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly transaction: Hex
  readonly block: bigint
}

/** Which logs to read. */
export interface LogFilter {
  readonly address: Address
  readonly topics: readonly (Hex | readonly Hex[])[]
  readonly fromBlock: bigint
  readonly toBlock: bigint
}

/** A block by its number. @throws RpcError */
export async function readBlock(rpc: Rpc, block: bigint | 'latest'): Promise<Block> {
  const tag = block === 'latest' ? block : quantity(block)
  const answer = await rpc.request('eth_getBlockByNumber', [tag, false])
  if (!isJsonObject(answer)) throw malformed('block')
  const number = parseQuantity(answer['number'])
  const timestamp = parseQuantity(answer['timestamp'])
  if (number === null || timestamp === null) throw malformed('block')
  return { number, timestamp, baseFee: parseQuantity(answer['baseFeePerGas']) }
}

/** The receipt of a transaction; `null` while it stands in no block. @throws RpcError */
export async function readReceipt(rpc: Rpc, transaction: Hex): Promise<Receipt | null> {
  const answer = await rpc.request('eth_getTransactionReceipt', [transaction])
  if (answer === null) return null
  if (!isJsonObject(answer) || !Array.isArray(answer['logs'])) throw malformed('receipt')
  if (answer['blockNumber'] === null) return null
  const block = parseQuantity(answer['blockNumber'])
  const status = parseQuantity(answer['status'])
  if (block === null || status === null) throw malformed('receipt')
  return { transaction, block, succeeded: status === 1n, logs: answer['logs'].map(parseLog) }
}

/** Logs of a range of blocks, both ends included. @throws RpcError */
export async function readLogs(
  rpc: Rpc,
  { fromBlock, toBlock, ...filter }: LogFilter,
): Promise<readonly Log[]> {
  const range = { fromBlock: quantity(fromBlock), toBlock: quantity(toBlock) }
  const answer = await rpc.request('eth_getLogs', [{ ...filter, ...range }])
  if (!Array.isArray(answer)) throw malformed('log')
  return answer.map(parseLog)
}

function parseLog(value: Json): Log {
  if (!isJsonObject(value) || !Array.isArray(value['topics'])) throw malformed('log')
  const address = parseAddress(value['address'])
  const block = parseQuantity(value['blockNumber'])
  const { data, topics, transactionHash: transaction } = value
  if (address === null || block === null || !isHex(data) || !isHex(transaction, 32)) throw malformed('log')
  if (!topics.every((topic) => isHex(topic, 32))) throw malformed('log')
  return { address, topics, data, transaction, block }
}

function malformed(what: string): RpcError {
  return new RpcError('error', `The RPC endpoint answered with a malformed ${what}.`)
}
