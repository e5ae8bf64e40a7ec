import { privateKeyToAccount } from 'viem/accounts'
import type { Signer } from '../../src/evm/signer.ts'
import { systemRandom } from '../../src/lib/id.ts'
import type { Asset } from '../../src/payments/asset.ts'
import type { PayerProtocol, ReceivedOffer, Signing, Unpaid } from '../../src/protocols/payer.ts'
import type { Challenge } from '../../src/protocols/protocol.ts'
import { devKeys } from '../chains/anvil.ts'

/** An account of viem, as it is. */
export const signer: Signer = privateKeyToAccount(devKeys[1])

/** USDC of Base Sepolia, as a payer knows it. */
export const USDC: Asset = {
  address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  decimals: 6,
  symbol: 'USDC',
  eip712: { name: 'USDC', version: '2' },
}

/** What a credential is made with, unless told otherwise. */
export function signingOf(overrides: Partial<Signing> = {}): Signing {
  return {
    signer,
    asset: USDC,
    now: Date.now(),
    random: systemRandom,
    key: 'request-1234567890',
    rpc: null,
    mode: 'pull',
    ...overrides,
  }
}

/** A 402 as a payer reads it. */
export function unpaidOf({ headers, members }: Challenge): Unpaid {
  const fields = new Headers()
  for (const [name, value] of headers) fields.append(name, value)
  return { headers: fields, body: members ?? null }
}

/** The first way to pay of a 402, which must be there. */
export function offerOf(payer: PayerProtocol, unpaid: Unpaid): ReceivedOffer {
  const { offers, unreadable } = payer.readOffers(unpaid)
  const [offer] = offers
  if (offer === undefined) throw new Error(`nothing is offered: ${unreadable.join(' ')}`)
  return offer
}
