import { encodeCall, parseQuantity, selectorOf, topic } from '../evm/abi.ts'
import { type Hex, isHex } from '../lib/hex.ts'
import { isJsonObject, type Json, type JsonObject } from '../lib/json.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import type { FakeBlock, FakeBlocks } from './fake-blocks.ts'
import { blockJson, receiptJson } from './fake-records.ts'
import { type FakeToken, readTransferCall } from './fake-token.ts'
import { BASE_FEE, type FakeTransactions } from './fake-transactions.ts'
import { type Answer, createJsonRpc, error, INVALID, type Methods, number } from './json-rpc.ts'

/** What a node knows of its chain. */
export interface FakeNodeOptions {
  readonly chainId: number
  readonly tokenAddress: Address
  readonly token: FakeToken
  readonly blocks: FakeBlocks
  readonly transactions: FakeTransactions
}

const BALANCE_OF = selectorOf('balanceOf(address)')
const STATE = selectorOf('authorizationState(address,bytes32)')

/** Code that tries a call (`evm/probe.ts`): length and place of the call's data in it, and whom it calls. */
const PROBE = /^0x61([0-9a-f]{4})61([0-9a-f]{4})6080396020606061[0-9a-f]{4}6080600073([0-9a-f]{40})63/

/** The JSON-RPC of a fake chain: what settling, verifying and reconciling ask of a node, and nothing else. */
export function createFakeNode(options: FakeNodeOptions): (call: JsonObject) => Promise<JsonObject> {
  const { chainId, tokenAddress, token, blocks, transactions } = options

  const methods: Methods = {
    eth_chainId: () => number(BigInt(chainId)),
    eth_blockNumber: () => number(blocks.head().number),
    eth_gasPrice: () => number(BASE_FEE),
    eth_maxPriorityFeePerGas: () => number(1_000_000n),
    eth_getBlockByNumber: ([tag]) => {
      const block = blockOf(tag)
      return { result: block && blockJson(block, BASE_FEE) }
    },
    eth_getBalance: ([account]) => number(transactions.gasMoneyOf(parseAddress(account) ?? '0x')),
    eth_getTransactionCount: ([account]) => number(transactions.countOf(parseAddress(account) ?? '0x')),
    eth_getCode: ([account]) => ({ result: parseAddress(account) === tokenAddress ? '0xfe' : '0x' }),
    eth_getTransactionReceipt: ([hash]) => {
      const receipt = isHex(hash) ? transactions.find(hash) : null
      return { result: receipt && receiptJson(receipt, '0x2') }
    },
    eth_getLogs: ([filter]) => (isJsonObject(filter) ? { result: logsOf(filter) } : INVALID),
    eth_call: ([call, tag]) => {
      const block = blockOf(tag)
      if (!isJsonObject(call) || !isHex(call['data']) || block === null) return INVALID
      return call['to'] === undefined
        ? probe(call['data'], block)
        : read(parseAddress(call['to']), call['data'], block)
    },
    async eth_sendRawTransaction([raw]) {
      const sent = await transactions.send(raw)
      return 'refused' in sent ? error(-32000, sent.refused) : { result: sent.hash }
    },
  }

  function blockOf(tag: Json | undefined): FakeBlock | null {
    const asked = parseQuantity(tag)
    return asked === null ? blocks.head() : blocks.at(asked)
  }

  function read(to: Address | null, data: Hex, block: FakeBlock): Answer {
    if (to !== tokenAddress) return { result: '0x' }
    const holder: Address = `0x${data.slice(34, 74)}`
    if (data.startsWith(BALANCE_OF)) return { result: topic(token.balanceOf(holder)) }
    if (!data.startsWith(STATE)) return error(3, 'execution reverted')
    return { result: topic(token.isSpent(holder, `0x${data.slice(74)}`, block.number) ? 1n : 0n) }
  }

  /** Does what the code of a probe does: success, size of the code, size of what came back, its first word. */
  function probe(code: Hex, { timestamp }: FakeBlock): Answer {
    const [, length = '', offset = '', target] = PROBE.exec(code) ?? []
    if (target === undefined) return error(3, 'execution reverted')
    if (`0x${target}` !== tokenAddress) return { result: encodeCall('0x', [1n, 0n, 0n, 0n]) }
    const at = 2 + 2 * Number.parseInt(offset, 16)
    const call = readTransferCall(`0x${code.slice(at, at + 2 * Number.parseInt(length, 16))}`)
    const succeeds = call !== null && token.refusal(call, timestamp) === null
    return { result: encodeCall('0x', [succeeds ? 1n : 0n, 1n, 0n, 0n]) }
  }

  function logsOf({ address, topics, fromBlock, toBlock }: JsonObject): readonly Json[] {
    const from = parseQuantity(fromBlock) ?? 0n
    const to = parseQuantity(toBlock) ?? blocks.head().number
    const wanted = Array.isArray(topics) ? topics : []
    return transactions
      .all()
      .filter(({ block }) => block.number >= from && block.number <= to)
      .flatMap((receipt) => receiptJson(receipt, '0x2').logs)
      .filter((log) => address === undefined || log.address === parseAddress(address))
      .filter(({ topics }) =>
        wanted.every((each, at) => each === null || [each].flat().includes(topics[at] ?? null)),
      )
  }

  return createJsonRpc(methods)
}
