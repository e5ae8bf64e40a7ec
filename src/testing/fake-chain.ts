import { base, baseSepolia, type EvmNetwork } from '../evm/network.ts'
import type { RpcOptions } from '../evm/rpc.ts'
import type { Settler } from '../evm/settler.ts'
import { wallet } from '../evm/wallet.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { toHex } from '../lib/hex.ts'
import type { Asset } from '../payments/asset.ts'
import { type ChainId, chainIdOf } from '../payments/chain.ts'
import { USDC_ON_BASE, USDC_ON_BASE_SEPOLIA } from '../payments/stablecoins.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { accountOf, readAccount } from './account.ts'
import { createFakeBlocks } from './fake-blocks.ts'
import { createFakeNode } from './fake-node.ts'
import { createFakeRandom } from './fake-random.ts'
import { createFakeToken } from './fake-token.ts'
import { createFakeTransactions } from './fake-transactions.ts'
import { createFakeServer, type FakeServer } from './fault.ts'

/** Options of {@link createFakeChain}. */
export interface FakeChainOptions {
  /** Base Sepolia (84532), which is the default, or Base (8453): clients cannot tell it from the real one. */
  readonly chainId?: 84532 | 8453
  /** Times of its blocks. Default: the machine's clock. */
  readonly clock?: Clock
}

/** A chain that test payers have money on. */
export interface PayableChain {
  readonly id: ChainId
  /** The token that is paid in. */
  readonly asset: Asset
  readonly clock: Clock
  /** How it is reached: for the `rpc` of a network or a method, or of whatever else speaks JSON-RPC. */
  readonly rpc: RpcOptions
  /** Gives an account so many base units of the token. */
  fund(account: string, amount: bigint): void
}

/**
 * An EVM chain with USDC in this process's memory. It checks what the real ones check: signatures, nonces and gas money of
 * transactions; signature, nonce, validity and balance of EIP-3009 authorizations. It makes a block every two seconds, and
 * one for each transaction. It knows no contract wallets and no other tokens.
 */
export interface FakeChain extends FakeServer, PayableChain {
  /** It as a network to be paid on. By default a wallet settles that has gas money. */
  network(options?: FakeNetworkOptions): EvmNetwork
  /** USDC of an account, in base units (1 000 000 are a dollar). */
  balanceOf(account: string): bigint
  /** Gives an account native currency for gas: exactly this, in wei. Default: one whole coin. */
  setGasMoney(account: string, wei?: bigint): void
}

/** Options of {@link FakeChain.network}. */
export interface FakeNetworkOptions {
  /** Who submits payers' authorizations, such as a `facilitator` of {@link createFakeFacilitator}. */
  readonly settle?: Settler
  /** See `finality` of networks. */
  readonly finality?: number
}

const COIN = 10n ** 18n
const URL_OF_CHAIN = 'https://chain.test/'

/** Starts a chain without transactions and without holders of USDC. */
export function createFakeChain(options: FakeChainOptions = {}): FakeChain {
  refuseUnknownOptions(options, ['chainId', 'clock'], 'fake chain')
  const { chainId = 84532, clock = systemClock } = options
  const [preset, usdc] = chainId === 8453 ? [base, USDC_ON_BASE] : [baseSepolia, USDC_ON_BASE_SEPOLIA]
  const id = chainIdOf(chainId)
  const blocks = createFakeBlocks(clock)
  const token = createFakeToken(id, usdc)
  const transactions = createFakeTransactions(chainId, usdc.address, token, blocks)
  const node = createFakeNode({ chainId, tokenAddress: usdc.address, token, blocks, transactions })
  const server = createFakeServer({
    nameOf: (_request, { method }) => String(method),
    serve: (_call, body) => node(body),
  })
  const rpc: RpcOptions = { url: URL_OF_CHAIN, fetch: server.fetch }
  let settler: Settler | undefined

  function ownSettler(): Settler {
    const key = toHex(createFakeRandom('the settling wallet')(32))
    transactions.setGasMoney(accountOf(key), 1000n * COIN)
    return wallet(key)
  }

  return {
    ...server,
    id,
    asset: usdc,
    clock,
    rpc,
    network({ settle, finality = 0 } = {}) {
      settler ??= ownSettler()
      return preset({ rpc, settle: settle ?? settler, finality })
    },
    balanceOf: (account) => token.balanceOf(readAccount(account)),
    fund: (account, amount) => token.mint(readAccount(account), amount),
    setGasMoney: (account, wei = COIN) => transactions.setGasMoney(readAccount(account), wei),
  }
}
