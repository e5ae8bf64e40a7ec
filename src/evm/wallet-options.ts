import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'

/** How a `wallet()` settles. */
export interface WalletOptions {
  /** Most wei per gas to pay, base fee included; settlements wait (503) while the chain is dearer. Default: no limit. */
  readonly maxFeePerGas?: bigint
  /**
   * Most gas for one settlement, 100 000 to 10 000 000. Default 350 000: USDC takes some 90 000, contract wallets of
   * payers take the rest. Only what is used is paid for.
   */
  readonly maxGas?: bigint
  /** Blocks that a transaction must stand in, its own included, 1 to 100. Default 1. */
  readonly confirmations?: number
  /** How long to wait for that, milliseconds, 1000 to 600 000; then the outcome is unknown. Default 30 000. */
  readonly timeoutMs?: number
}

/** {@link WalletOptions}, checked and complete. */
export interface WalletSettings {
  readonly maxFeePerGas: bigint | null
  readonly maxGas: bigint
  readonly confirmations: bigint
  readonly timeoutMs: number
}

/** @throws CofferError `invalid-option` naming the option. */
export function readWalletOptions(options: WalletOptions): WalletSettings {
  refuseUnknownOptions(options, ['maxFeePerGas', 'maxGas', 'confirmations', 'timeoutMs'], 'wallet')
  const { maxFeePerGas = null, maxGas = 350_000n, confirmations = 1, timeoutMs = 30_000 } = options
  if (maxFeePerGas !== null && !(typeof maxFeePerGas === 'bigint' && maxFeePerGas > 0n)) {
    invalidOption('wallet.maxFeePerGas', 'wei as a positive bigint', maxFeePerGas)
  }
  if (typeof maxGas !== 'bigint' || maxGas < 100_000n || maxGas > 10_000_000n) {
    invalidOption('wallet.maxGas', 'a bigint from 100000n to 10000000n', maxGas)
  }
  if (!Number.isInteger(confirmations) || confirmations < 1 || confirmations > 100) {
    invalidOption('wallet.confirmations', 'a whole number from 1 to 100', confirmations)
  }
  if (!(timeoutMs >= 1000 && timeoutMs <= 600_000)) {
    invalidOption('wallet.timeoutMs', 'milliseconds from 1000 to 600000', timeoutMs)
  }
  return { maxFeePerGas, maxGas, confirmations: BigInt(confirmations), timeoutMs }
}
