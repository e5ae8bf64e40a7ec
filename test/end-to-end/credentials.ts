import { baseSepolia } from '../../src/evm/network.ts'
import { wallet } from '../../src/evm/wallet.ts'
import type { Address } from '../../src/payments/address.ts'
import type { Account, EvmChain } from '../chains/evm.ts'
import { authorize, signTransfer } from '../evm/signing.ts'

/** What a credential pays. */
export interface Order {
  /** The 402 that it answers. */
  readonly unpaid: Response
  readonly seller: Address
  /** Base units. */
  readonly price: bigint
  /** Seconds from now until which it is valid. Default 300. */
  readonly validity?: number
}

/** Writes an x402 v2 credential without a client: the field of a request that pays, again and again if need be. */
export async function signCredential(
  chain: EvmChain,
  payer: Account,
  { unpaid, seller, price, validity = 300 }: Order,
): Promise<Record<'payment-signature', string>> {
  const required = JSON.parse(atob(unpaid.headers.get('payment-required') ?? ''))
  const network = baseSepolia({ rpc: chain.url, settle: wallet(payer.privateKey) })
  const validBefore = BigInt(Math.floor(Date.now() / 1000) + validity)
  const asked = authorize(payer, { to: seller, value: price, validBefore })
  const { authorization, signature } = await signTransfer(network, payer, asked)
  const written = Object.entries(authorization).map(([name, value]) => [name, String(value)])
  const payload = { signature, authorization: Object.fromEntries(written) }
  const credential = { x402Version: 2, accepted: required.accepts[0], payload }
  return { 'payment-signature': Buffer.from(JSON.stringify(credential)).toString('base64') }
}
