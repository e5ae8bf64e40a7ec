import type { Hex } from '../lib/hex.ts'
import { isHex } from '../lib/hex.ts'

/** An account or contract on an EVM chain, in lower case: compared and stored in this form only. */
export type Address = Hex

/** Lower-cases an address of any letter case; `null` when it is not 20 bytes of hexadecimal. */
export function parseAddress(value: unknown): Address | null {
  return isHex(value, 20) ? (value.toLowerCase() as Address) : null
}
