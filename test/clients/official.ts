import { x402Client } from '@x402/core/client'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { appendPaymentIdentifierToExtensions } from '@x402/extensions/payment-identifier'
import { wrapFetchWithPayment as wrapV2 } from '@x402/fetch'
import { evm, Fetch, tempo } from 'mppx/client'
import { createWalletClient, http, publicActions } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { base, baseSepolia } from 'viem/chains'
import { wrapFetchWithPayment as wrapV1 } from 'x402-fetch'
import type { Hex } from '../../src/lib/hex.ts'
import type { EvmChain } from '../chains/evm.ts'
import type { TempoChain } from '../chains/tempo.ts'
import { tempoClient } from './payers.ts'

/** What clients have to know of the chains; can be told to another process. */
export type EvmEndpoint = Pick<EvmChain, 'url' | 'chainId' | 'usdc'>
export type TempoEndpoint = Pick<TempoChain, 'url'>

/** `fetch` with a wallet behind it. */
export type PayingFetch = (url: string, init?: RequestInit) => Promise<Response>

/** The official x402 v2 client: `@x402/fetch`. With `paymentId`, it names its requests by that extension. */
export function x402V2(key: Hex, chainId = 84532, fetch = globalThis.fetch, paymentId?: string): PayingFetch {
  const client = new x402Client().register(`eip155:${chainId}`, new ExactEvmScheme(privateKeyToAccount(key)))
  if (paymentId !== undefined) {
    client.onBeforePaymentCreation(async ({ paymentRequired: { extensions } }) => {
      appendPaymentIdentifierToExtensions(extensions ?? {}, paymentId)
    })
  }
  return wrapV2(fetch, client)
}

/** The official x402 v1 client, which most agents still run: `x402-fetch`. Pays at most one dollar a request. */
export function x402V1(key: Hex, chain: EvmEndpoint, fetch = globalThis.fetch): PayingFetch {
  const wallet = createWalletClient({
    account: privateKeyToAccount(key),
    chain: chain.chainId === base.id ? base : baseSepolia,
    transport: http(chain.url),
  }).extend(publicActions)
  return wrapV1(fetch, wallet as unknown as Parameters<typeof wrapV1>[1], 1_000_000n) as PayingFetch
}

/** The official MPP client with the Tempo method. `pull`: the server broadcasts; `push`: the client does. */
export function mppTempo(
  key: Hex,
  chain: TempoEndpoint,
  mode: 'pull' | 'push',
  fetch = globalThis.fetch,
): PayingFetch {
  return Fetch.from({ methods: [tempoMethod(key, chain, mode)], fetch }) as PayingFetch
}

/** The official MPP client with the EVM method. */
export function mppEvm(key: Hex, chain: EvmEndpoint, fetch = globalThis.fetch): PayingFetch {
  return Fetch.from({ methods: [evmMethod(key, chain)], fetch }) as PayingFetch
}

/** The Tempo method of the official MPP client. */
export function tempoMethod(key: Hex, chain: TempoEndpoint, mode: 'pull' | 'push') {
  const client = tempoClient(key, chain)
  return tempo.charge({ account: client.account, mode, getClient: () => client })
}

/** The EVM method of the official MPP client. */
export function evmMethod(key: Hex, { chainId, usdc }: EvmEndpoint) {
  const { name, version } = usdc.eip712 ?? { name: '', version: '' }
  return evm.charge({
    account: privateKeyToAccount(key),
    networks: [chainId],
    currencies: [usdc.address],
    decimals: usdc.decimals,
    authorization: { name, version },
  })
}
