import type { Address } from './address.ts'

/** A stablecoin worth one US dollar. */
export interface Asset {
  /** Token contract. */
  readonly address: Address
  /** Decimals of the token: base units are `10^-decimals` dollars. */
  readonly decimals: number
  /** Ticker, for people. */
  readonly symbol: string
  /** EIP-712 domain of the token, when it has EIP-3009 (`transferWithAuthorization`). */
  readonly eip712?: { readonly name: string; readonly version: string }
}
