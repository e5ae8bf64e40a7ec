import { keccak_256 } from '@noble/hashes/sha3.js'
import { utf8 } from '../lib/bytes.ts'
import { type Hex, toHex } from '../lib/hex.ts'

/** An address in the one mixed case that carries a checksum (EIP-55), as some servers want to read it. */
export function checksumAddress(address: Hex): Hex {
  const digits = address.slice(2).toLowerCase()
  const hash = toHex(keccak_256(utf8(digits))).slice(2)
  const cased = [...digits].map((digit, at) =>
    Number.parseInt(hash[at] ?? '0', 16) >= 8 ? digit.toUpperCase() : digit,
  )
  return `0x${cased.join('')}`
}
