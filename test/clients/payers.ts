import { createClient, http } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { Actions } from 'viem/tempo'
import { tempoModerato } from 'viem/tempo/chains'
import type { Hex } from '../../src/lib/hex.ts'
import type { Address } from '../../src/payments/address.ts'
import type { EvmChain } from '../chains/evm.ts'
import type { TempoChain } from '../chains/tempo.ts'

/** An account of its own with ten dollars on a chain. */
export interface Payer {
  readonly address: Address
  readonly privateKey: Hex
}

export const TEN_DOLLARS = 10_000_000n

/** A new payer with USDC on the EVM chain. It has no gas, and needs none. */
export async function createEvmPayer(chain: EvmChain): Promise<Payer> {
  const payer = createPayer()
  await chain.mint(payer.address, TEN_DOLLARS)
  return payer
}

/** A new payer with pathUSD on the Tempo chain. Its fees are paid in another token, so that pathUSD moves by prices alone. */
export async function createTempoPayer(chain: TempoChain): Promise<Payer> {
  const payer = createPayer()
  await chain.fund(payer.address, TEN_DOLLARS)
  await chain.fund(payer.address, TEN_DOLLARS, chain.alphaUsd)
  const client = tempoClient(payer.privateKey, chain)
  const { alphaUsd } = chain
  const preference = { token: alphaUsd.address, feeToken: alphaUsd.address }
  await Actions.fee.setUserTokenSync(client, preference as Parameters<typeof Actions.fee.setUserTokenSync>[1])
  return payer
}

/** A viem client of the Tempo chain. The cast: viem's chain insists on the public network's own URLs. */
export function tempoClient(key: Hex, chain: Pick<TempoChain, 'url'>) {
  const local = { ...tempoModerato, hardfork: 't3', rpcUrls: { default: { http: [chain.url] } } }
  return createClient({
    account: privateKeyToAccount(key),
    chain: local as unknown as typeof tempoModerato,
    transport: http(chain.url),
    pollingInterval: 20,
  })
}

/** A new account without money. */
export function createPayer(): Payer {
  const privateKey = generatePrivateKey()
  return { privateKey, address: privateKeyToAccount(privateKey).address.toLowerCase() as Address }
}
