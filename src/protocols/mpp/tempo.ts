import { createRpc, type RpcOptions } from '../../evm/rpc.ts'
import { type Hex, isHex } from '../../lib/hex.ts'
import { parseAddress } from '../../payments/address.ts'
import { parseAmount, toBaseUnits } from '../../payments/amount.ts'
import type { Asset } from '../../payments/asset.ts'
import { chainIdOf } from '../../payments/chain.ts'
import type { Payment } from '../../payments/payment.ts'
import type { Settlement } from '../../payments/settlement.ts'
import { PATH_USD, USDC_ON_TEMPO } from '../../payments/stablecoins.ts'
import { invalidOption } from '../../problems/error.ts'
import { refuseUnknownOptions } from '../../problems/options.ts'
import { descriptionOf, type Method } from './method.ts'
import type { Setup } from './tempo/context.ts'
import { verifyPayload } from './tempo/payload.ts'
import { broadcast, type Expected, reconcile } from './tempo/settle.ts'

/** What {@link tempo} takes. */
export interface TempoOptions {
  /** RPC endpoint of the chain: a URL, or a URL with bounds. */
  readonly rpc: string | RpcOptions
  /** EVM chain number. Default 4217, the main network; 42431 is the test network. */
  readonly chainId?: number
  /** TIP-20 token to be paid in, worth one US dollar. Default: USDC.e on the main network, pathUSD elsewhere. */
  readonly currency?: Asset
}

const MAIN_NETWORK = 4217

/**
 * Paid on Tempo (draft-tempo-charge-00), in a TIP-20 token: by a transaction that we send, by one that the payer has
 * sent, or, when the price is zero, by a signature. The payer pays the fees.
 *
 * @throws CofferError `invalid-option`.
 */
export function tempo(options: TempoOptions): Method {
  refuseUnknownOptions(options, ['rpc', 'chainId', 'currency'], 'tempo')
  const { rpc, chainId = MAIN_NETWORK } = options
  if (!Number.isSafeInteger(chainId) || chainId <= 0)
    invalidOption('tempo.chainId', 'a positive integer', chainId)
  const asset = readCurrency(options.currency ?? (chainId === MAIN_NETWORK ? USDC_ON_TEMPO : PATH_USD))
  const setup: Setup = { chain: chainIdOf(chainId), rpc: createRpc(rpc, chainId), asset }
  return {
    name: 'tempo',
    chain: setup.chain,
    asset,
    request: (terms) => ({
      amount: toBaseUnits(terms.price, asset.decimals).toString(),
      currency: asset.address,
      recipient: terms.recipient(setup.chain),
      ...descriptionOf(terms),
      methodDetails: { chainId },
    }),
    checkPrice: (price) => void toBaseUnits(price, asset.decimals),
    verify: (presented, charge) => verifyPayload(presented, charge, setup),
    // Blocks of Tempo are final when they are made.
    watches: () => false,
    confirm: async () => 'final',
    async reconcile(payment) {
      // A signature paid; it was checked before anything was claimed.
      if (payment.amount === '0') return { outcome: 'settled', transaction: null, block: null }
      const expected = readEvidence(payment)
      return expected === null ? unreadable(payment) : reconcile(setup.rpc, expected)
    },
    async settleDeferred(payment, { raw }) {
      const expected = readEvidence(payment)
      return expected === null || !isHex(raw) ? unreadable(payment) : broadcast(setup.rpc, raw, expected)
    },
  }
}

/** What was kept of a verified payload. The token is the payment's own: the option may have changed since. */
function readEvidence({ evidence, asset, amount, payer, recipient }: Payment): Expected | null {
  const { hash, memo, validBefore } = evidence
  const units = parseAmount(amount)
  if (!isHex(hash, 32) || !isHex(memo, 32) || units === null) return null
  const terms = { token: asset, payer, recipient, amount: units, accepts: (other: Hex) => other === memo }
  return { hash, terms, validBefore: typeof validBefore === 'number' ? validBefore : null }
}

function unreadable({ transaction }: Payment): Settlement {
  return { outcome: 'unknown', transaction, detail: 'What was kept of the payment is not of this method.' }
}

function readCurrency(asset: Asset): Asset {
  const address = parseAddress(asset.address)
  if (address === null)
    return invalidOption('tempo.currency.address', 'a token contract address', asset.address)
  if (!Number.isInteger(asset.decimals) || asset.decimals < 0 || asset.decimals > 36) {
    invalidOption('tempo.currency.decimals', 'an integer from 0 to 36', asset.decimals)
  }
  return { ...asset, address }
}
