import { privateKeyToAddress } from 'viem/accounts'
import type { Hex } from '../../src/lib/hex.ts'
import type { Address } from '../../src/payments/address.ts'
import type { Asset } from '../../src/payments/asset.ts'
import { devKeys, startAnvil } from './anvil.ts'

/** A Tempo chain of its own, with the numbers of the public test network (Moderato). */
export interface TempoChain {
  /** JSON-RPC endpoint. */
  readonly url: string
  readonly chainId: 42431
  /** The dev accounts but the last, each rich in every TIP-20 token. Addresses in lower case. */
  readonly accounts: readonly { readonly address: Address; readonly privateKey: Hex }[]
  readonly pathUsd: Asset
  /** A second token, to pay with the wrong one. */
  readonly alphaUsd: Asset
  /** Base units that an account holds; of pathUSD unless told otherwise. */
  balanceOf(address: Address, token?: Asset): Promise<bigint>
  /** Gives an account base units; of pathUSD unless told otherwise. Resolves when they are there. */
  fund(address: Address, amount: bigint, token?: Asset): Promise<void>
  /** Mines one empty block. */
  mine(): Promise<void>
  /** One JSON-RPC call. Rejects with the node's message when it answers with an error. */
  request<Result = unknown>(method: string, params?: readonly unknown[]): Promise<Result>
  /** Ends the chain and waits for its end. */
  stop(): Promise<void>
}

/**
 * Starts a Tempo chain. The default hardfork never mines a sender's second transaction with an expiring nonce, an
 * idle chain without a block time falls behind the clock, and mixed mining keeps transactions instant.
 */
export async function startTempoChain(): Promise<TempoChain> {
  const flags = '--network tempo --chain-id 42431 --hardfork T3 --block-time 1 --mixed-mining'
  const { url, request, stop } = await startAnvil(flags.split(' '))
  const accounts = devKeys.map((privateKey) => ({
    address: privateKeyToAddress(privateKey).toLowerCase() as Address,
    privateKey,
  }))
  // Held back from callers, so that funding never meets a nonce of theirs.
  const bank = accounts.pop()?.address
  const pathUsd = token('pathUSD', '0x20c0000000000000000000000000000000000000')
  // One after the other: anvil gives two transactions of one moment the same nonce.
  let funding = Promise.resolve()
  const mine = async (): Promise<void> => void (await request('evm_mine'))
  // The genesis block is of the year 1970: until the next one every transaction is "not valid yet".
  await mine()

  return {
    url,
    chainId: 42431,
    accounts,
    pathUsd,
    alphaUsd: token('AlphaUSD', '0x20c0000000000000000000000000000000000001'),
    async balanceOf(address, { address: to } = pathUsd) {
      return BigInt(await request<Hex>('eth_call', [{ to, data: `0x70a08231${word(address)}` }, 'latest']))
    },
    fund(address, amount, { address: to } = pathUsd) {
      const data = `0xa9059cbb${word(address)}${word(`0x${amount.toString(16)}`)}`
      const send = async (): Promise<void> => {
        const sent = [{ from: bank, to, data, gas: '0x4c4b40' }]
        const receipt = await request<{ status: Hex }>('eth_sendTransactionSync', sent)
        if (receipt.status !== '0x1') throw new Error(`could not fund ${address}`)
      }
      const funded = funding.then(send)
      funding = funded.catch(() => {})
      return funded
    },
    mine,
    request,
    stop,
  }
}

function token(symbol: string, address: Address): Asset {
  return { address, decimals: 6, symbol }
}

/** An ABI word: a value, right-aligned in 32 bytes. */
function word(value: Hex): string {
  return value.slice(2).padStart(64, '0')
}
