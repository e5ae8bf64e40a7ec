import { decodeWords, quantity, selectorOf, topic } from '../evm/abi.ts'
import type { RpcOptions } from '../evm/rpc.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { isHex } from '../lib/hex.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import { chainIdOf } from '../payments/chain.ts'
import { PATH_USD } from '../payments/stablecoins.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { readAccount } from './account.ts'
import { createFakeBlocks } from './fake-blocks.ts'
import type { PayableChain } from './fake-chain.ts'
import { blockJson, receiptJson } from './fake-records.ts'
import { createFakeStablecoins } from './fake-stablecoins.ts'
import { createFakeTempoTransactions, TEMPO_BASE_FEE } from './fake-tempo-transactions.ts'
import { createFakeServer, type FakeServer } from './fault.ts'
import { type Answer, createJsonRpc, error, INVALID, number } from './json-rpc.ts'

/** Options of {@link createFakeTempo}. */
export interface FakeTempoOptions {
  /** Times of its blocks. Default: the machine's clock. */
  readonly clock?: Clock
}

/**
 * Tempo's test network (42431) with pathUSD in this process's memory: `tempo({ rpc: chain.rpc, chainId: 42431 })`. It checks
 * signature, chain, validity, nonce, fee and balance of transactions, whose calls are made all or none. It knows
 * secp256k1 keys only, no sponsors, and no calls but transfers of pathUSD with and without memo; a transaction that is not
 * valid yet is refused and does not wait.
 */
export interface FakeTempo extends FakeServer, PayableChain {
  /** pathUSD of an account, in base units (1 000 000 are a dollar). */
  balanceOf(account: string): bigint
}

/** Whoever is funded pays fees in this one, so that pathUSD moves by prices alone. */
const FEE_TOKEN: Address = '0x20c0000000000000000000000000000000000001'
const FEE_MONEY = 1_000_000_000n
const CHAIN = 42431
const BALANCE_OF = selectorOf('balanceOf(address)')

/** Starts a chain without transactions and without holders of pathUSD. */
export function createFakeTempo(options: FakeTempoOptions = {}): FakeTempo {
  refuseUnknownOptions(options, ['clock'], 'fake tempo')
  const { clock = systemClock } = options
  const blocks = createFakeBlocks(clock)
  const coins = createFakeStablecoins([PATH_USD.address, FEE_TOKEN])
  const funded = new Set<Address>()
  const feeTokenOf = (account: Address): Address => (funded.has(account) ? FEE_TOKEN : PATH_USD.address)
  const transactions = createFakeTempoTransactions({ chainId: CHAIN, coins, blocks, feeTokenOf })

  const node = createJsonRpc({
    eth_chainId: () => number(BigInt(CHAIN)),
    eth_blockNumber: () => number(blocks.head().number),
    eth_getBlockByNumber: () => ({ result: blockJson(blocks.head(), TEMPO_BASE_FEE) }),
    eth_getTransactionReceipt: ([hash]) => {
      const receipt = isHex(hash) ? transactions.find(hash) : null
      return { result: receipt && receiptJson(receipt, '0x76') }
    },
    eth_call: ([call]) => (isJsonObject(call) ? run(call) : INVALID),
    eth_fillTransaction: ([request]) => (isJsonObject(request) ? { result: fill(request) } : INVALID),
    async eth_sendRawTransactionSync([raw]) {
      const sent = await transactions.send(raw)
      return typeof sent === 'string' ? error(-32003, sent) : { result: receiptJson(sent, '0x76') }
    },
    async eth_sendRawTransaction([raw]) {
      const sent = await transactions.send(raw)
      return typeof sent === 'string' ? error(-32003, sent) : { result: sent.hash }
    },
  })
  const server = createFakeServer({
    nameOf: (_request, { method }) => String(method),
    serve: (_call, body) => node(body),
  })
  const rpc: RpcOptions = { url: 'https://tempo.test/', fetch: server.fetch }

  /** Tries a transaction, or reads a balance. */
  function run(call: JsonObject): Answer {
    const { to, data } = call
    if (call['calls'] !== undefined) {
      const refused = transactions.refusal(call)
      return refused === null ? { result: '0x' } : error(3, refused)
    }
    const token = parseAddress(to)
    if (token === null || !isHex(data) || !data.startsWith(BALANCE_OF)) return error(3, 'execution reverted')
    const [account = 0n] = decodeWords(`0x${data.slice(10)}`) ?? []
    return { result: topic(coins.balanceOf(token, `0x${topic(account).slice(-40)}`)) }
  }

  return {
    ...server,
    id: chainIdOf(CHAIN),
    asset: PATH_USD,
    clock,
    rpc,
    balanceOf: (account) => coins.balanceOf(PATH_USD.address, readAccount(account)),
    fund(account, amount) {
      const holder = readAccount(account)
      funded.add(holder)
      coins.mint(PATH_USD.address, holder, amount)
      coins.mint(FEE_TOKEN, holder, FEE_MONEY)
    },
  }
}

/** Completes a transaction, as a node does for its wallet. */
function fill(request: JsonObject): JsonObject {
  const tx = {
    aaAuthorizationList: [],
    accessList: [],
    feePayerSignature: null,
    feeToken: null,
    keyAuthorization: null,
    nonce: '0x0',
    ...request,
    chainId: quantity(BigInt(CHAIN)),
    gas: quantity(500_000n),
    maxFeePerGas: quantity(2n * TEMPO_BASE_FEE),
    maxPriorityFeePerGas: '0x0',
    hash: topic(0n),
    blockHash: null,
    blockNumber: null,
    transactionIndex: null,
  }
  return { raw: '0x', tx }
}
