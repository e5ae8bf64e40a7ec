import type { Hex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'

/** The six fields that a payer signs for `transferWithAuthorization` (EIP-3009). Times in epoch seconds. */
export interface Authorization {
  readonly from: Address
  readonly to: Address
  readonly value: bigint
  readonly validAfter: bigint
  readonly validBefore: bigint
  /** 32 random bytes in lower case; the token accepts each once per payer. */
  readonly nonce: Hex
}
