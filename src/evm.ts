export type { Authorization } from './evm/authorization.ts'
export {
  base,
  baseSepolia,
  type EvmNetwork,
  type EvmNetworkOptions,
  evmNetwork,
  type NetworkOptions,
} from './evm/network.ts'
export { type Engine, recoveryEngine } from './evm/recovery.ts'
export type { Rpc, RpcOptions } from './evm/rpc.ts'
export type { Settler, SignedTransfer } from './evm/settler.ts'
export { wallet } from './evm/wallet.ts'
export type { WalletOptions } from './evm/wallet-options.ts'
export type { Hex } from './lib/hex.ts'
export type { Address } from './payments/address.ts'
export type { Asset } from './payments/asset.ts'
export type { ChainId } from './payments/chain.ts'
export type { Settlement } from './payments/settlement.ts'
