import { type Address, type PayableAsset, stablecoins } from '../../client.ts'
import { createRpc, RpcError } from '../../evm/rpc.ts'
import { formatAmount } from '../../payments/amount.ts'
import { chainNumberOf } from '../../payments/chain.ts'

/** What an account has of a token. */
export interface Balance {
  readonly network: string
  readonly asset: Address
  readonly symbol: string
  /** Whole tokens; `null` when the chain did not say. */
  readonly amount: string | null
  /** Why it did not, in one sentence; `null` when it did. */
  readonly error: string | null
}

/** Asks the chains that have an endpoint what an account has of the tokens that are known on them. */
export function readBalances(
  account: Address,
  endpoints: Readonly<Record<`eip155:${number}`, string>>,
): Promise<readonly Balance[]> {
  const tokens = stablecoins.filter(({ network }) => endpoints[network] !== undefined)
  return Promise.all(tokens.map((token) => readBalance(account, token, endpoints[token.network] ?? '')))
}

async function readBalance(account: Address, token: PayableAsset, endpoint: string): Promise<Balance> {
  const { network, address: asset, symbol, decimals } = token
  const found = { network, asset, symbol }
  try {
    const rpc = createRpc(endpoint, chainNumberOf(network))
    const data = `0x70a08231${account.slice(2).padStart(64, '0')}`
    const units = BigInt(String(await rpc.request('eth_call', [{ to: asset, data }, 'latest'])))
    return { ...found, amount: formatAmount(units, decimals), error: null }
  } catch (error) {
    return {
      ...found,
      amount: null,
      error: error instanceof RpcError ? error.message : 'It is no token there.',
    }
  }
}
