import { readFileSync } from 'node:fs'
import { createPublicClient, encodeFunctionData, http, type PublicClient, parseAbi } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import type { Hex } from '../../src/lib/hex.ts'
import type { Address } from '../../src/payments/address.ts'
import type { Asset } from '../../src/payments/asset.ts'
import { devKeys, startAnvil } from './anvil.ts'

/** A local chain that every x402 client takes for Base Sepolia (or Base), with a USDC of open minting. */
export interface EvmChain {
  readonly url: string
  readonly chainId: number
  /** Ten accounts with native gas and no USDC. */
  readonly accounts: readonly Account[]
  /** The token at Circle's own address of this chain. */
  readonly usdc: Asset
  /** Reads the chain. */
  readonly client: PublicClient
  /** USDC of an account, in base units. */
  balanceOf(address: Address): Promise<bigint>
  /** Creates USDC. */
  mint(to: Address, amount: bigint): Promise<void>
  /** Mines blocks, default 1, with so many seconds of chain time from one to the next. Default: as they come. */
  mine(blocks?: number, seconds?: number): Promise<void>
  /** Plants the runtime code of an artifact in `contracts/artifact/`. */
  plant(artifact: string, address: Address): Promise<void>
  /** Remembers the state; the returned function goes back to it, once. */
  snapshot(): Promise<() => Promise<void>>
  /** Calls any JSON-RPC method, such as `evm_setAutomine`. */
  request<Result = unknown>(method: string, params?: readonly unknown[]): Promise<Result>
  stop(): Promise<void>
}

/** A dev account of the chain. */
export interface Account {
  readonly address: Address
  readonly privateKey: Hex
}

const TOKENS = {
  84532: { address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e', name: 'USDC' },
  8453: { address: '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913', name: 'USD Coin' },
} as const

const TOKEN_ABI = parseAbi([
  'function init(string name, string version)',
  'function mint(address to, uint256 value)',
  'function balanceOf(address account) view returns (uint256)',
])

/** Starts a chain. `chainId`: default 84532 (Base Sepolia). */
export async function startEvmChain(options: { chainId?: keyof typeof TOKENS } = {}): Promise<EvmChain> {
  const chainId = options.chainId ?? 84532
  const token = TOKENS[chainId]
  // One account more than is handed out: minting must not disturb the transaction counts of the others.
  const anvil = await startAnvil(['--chain-id', String(chainId), '--accounts', String(devKeys.length + 1)])
  const minter = (await anvil.request<Address[]>('eth_accounts'))[devKeys.length]
  const client = createPublicClient({ transport: http(anvil.url), pollingInterval: 20 })

  // One after the other: anvil gives two transactions of one moment the same nonce.
  let sending = Promise.resolve()
  const send = (data: Hex): Promise<void> => {
    const transaction = { from: minter, to: token.address, data }
    const sent = sending.then(async () => {
      const receipt = await anvil.request<{ status: Hex }>('eth_sendTransactionSync', [transaction])
      if (receipt.status !== '0x1') throw new Error('the token reverted')
    })
    sending = sent.catch(() => {})
    return sent
  }
  const plant = async (artifact: string, address: Address): Promise<void> => {
    const file = new URL(`contracts/artifact/${artifact}.json`, import.meta.url)
    await anvil.request('anvil_setCode', [address, JSON.parse(readFileSync(file, 'utf8')).code])
  }

  await plant('TestUSDC', token.address)
  await send(encodeFunctionData({ abi: TOKEN_ABI, functionName: 'init', args: [token.name, '2'] }))

  return {
    url: anvil.url,
    chainId,
    accounts: devKeys.map((privateKey) => ({
      address: privateKeyToAddress(privateKey).toLowerCase() as Address,
      privateKey,
    })),
    usdc: {
      address: token.address,
      decimals: 6,
      symbol: 'USDC',
      eip712: { name: token.name, version: '2' },
    },
    client,
    balanceOf: (address) =>
      client.readContract({
        address: token.address,
        abi: TOKEN_ABI,
        functionName: 'balanceOf',
        args: [address],
      }),
    mint: (to, amount) =>
      send(encodeFunctionData({ abi: TOKEN_ABI, functionName: 'mint', args: [to, amount] })),
    mine: async (blocks = 1, seconds) => {
      await anvil.request('anvil_mine', seconds === undefined ? [blocks] : [blocks, seconds])
    },
    plant,
    snapshot: async () => {
      const id = await anvil.request('evm_snapshot')
      return async () => {
        await anvil.request('evm_revert', [id])
      }
    },
    request: anvil.request,
    stop: anvil.stop,
  }
}
