import { parseAddress } from '../payments/address.ts'
import type { Asset } from '../payments/asset.ts'
import { type ChainId, chainIdOf } from '../payments/chain.ts'
import { USDC_ON_BASE, USDC_ON_BASE_SEPOLIA } from '../payments/stablecoins.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { createRpc, type Rpc, type RpcOptions } from './rpc.ts'
import type { Settler } from './settler.ts'

/** An EVM chain that payments are taken on. Made by {@link base}, {@link baseSepolia} or {@link evmNetwork}. */
export interface EvmNetwork {
  readonly id: ChainId
  /** Short name, as x402 v1 wrote it (`base`, `base-sepolia`); `null` when v1 had none. */
  readonly v1Name: string | null
  /** Tokens that are accepted, each worth one US dollar. All have EIP-3009. */
  readonly assets: readonly Asset[]
  /** How the chain is read; `null` when only a facilitator is used. */
  readonly rpc: Rpc | null
  /** Who moves the money. */
  readonly settler: Settler
  /** Blocks after which a settled payment is there to stay; 0 when nobody looks again. */
  readonly finality: bigint
}

/** What every network asks for. */
export interface NetworkOptions {
  /** RPC endpoint: a URL, or a URL with bounds. Needed when a wallet settles, and for payers that are contracts. */
  readonly rpc?: string | RpcOptions
  /** Who submits the payer's authorization: `wallet(key)`, or a facilitator. */
  readonly settle: Settler
  /** Tokens to accept. Default: the chain's USDC. */
  readonly assets?: readonly Asset[]
  /**
   * Blocks after which no reorganisation takes a payment back. The outbox watches settled payments until they lie this
   * deep; one whose transaction vanishes is marked and announced. Needs `rpc`. Default 0: nobody looks again.
   */
  readonly finality?: number
}

/** {@link NetworkOptions} of a chain that has no preset. */
export interface EvmNetworkOptions extends NetworkOptions {
  /** EVM chain number. */
  readonly chainId: number
  readonly assets: readonly Asset[]
  /** Name that x402 v1 clients know the chain by. Default: none, so v1 clients are not offered it. */
  readonly v1Name?: string
}

/**
 * Any EVM chain with a token that has EIP-3009.
 *
 * @throws CofferError `invalid-option` naming the option.
 */
export function evmNetwork(options: EvmNetworkOptions): EvmNetwork {
  if (!Number.isSafeInteger(options.chainId) || options.chainId <= 0) {
    invalidOption('chainId', 'a positive integer', options.chainId)
  }
  if (options.assets.length === 0) invalidOption('assets', 'at least one token')
  if (typeof options.settle?.settle !== 'function') invalidOption('settle', 'wallet(key) or a facilitator')
  if (options.settle.needsRpc && options.rpc === undefined)
    invalidOption('rpc', 'an endpoint, which a wallet needs')
  refuseUnknownOptions(options, ['chainId', 'v1Name', 'assets', 'rpc', 'settle', 'finality'], 'network')
  const { finality = 0 } = options
  if (!Number.isInteger(finality) || finality < 0 || finality > 100_000) {
    invalidOption('finality', 'a whole number of blocks from 0 to 100000', finality)
  }
  if (finality > 0 && options.rpc === undefined) invalidOption('rpc', 'an endpoint, which finality needs')
  const id = chainIdOf(options.chainId)
  return {
    id,
    v1Name: options.v1Name ?? null,
    assets: options.assets.map(checkAsset),
    rpc: options.rpc === undefined ? null : createRpc(options.rpc, options.chainId),
    settler: options.settle,
    finality: BigInt(finality),
  }
}

/** Base mainnet (8453) with Circle's USDC. */
export function base(options: NetworkOptions): EvmNetwork {
  return preset(options, 8453, 'base', USDC_ON_BASE)
}

/** Base Sepolia (84532), the test network, with Circle's USDC. */
export function baseSepolia(options: NetworkOptions): EvmNetwork {
  return preset(options, 84532, 'base-sepolia', USDC_ON_BASE_SEPOLIA)
}

function preset(options: NetworkOptions, chainId: number, v1Name: string, usdc: Asset): EvmNetwork {
  return evmNetwork({ assets: [usdc], ...options, chainId, v1Name })
}

function checkAsset(asset: Asset): Asset {
  const address = parseAddress(asset.address)
  if (address === null) return invalidOption('assets[].address', 'a token contract address', asset.address)
  if (!Number.isInteger(asset.decimals) || asset.decimals < 0 || asset.decimals > 36) {
    invalidOption('assets[].decimals', 'an integer from 0 to 36', asset.decimals)
  }
  if (!asset.eip712?.name || !asset.eip712.version) {
    invalidOption('assets[].eip712', "the token's EIP-712 domain (name and version)")
  }
  return { ...asset, address }
}
