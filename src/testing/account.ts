import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { fromHex, type Hex, toHex } from '../lib/hex.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import { invalidOption } from '../problems/error.ts'

/** The account of a private key. */
export function accountOf(key: Hex): Address {
  const point = secp256k1.getPublicKey(fromHex(key), false)
  return toHex(keccak_256(point.subarray(1)).subarray(12))
}

/** An account in any letter case. @throws CofferError `invalid-option` for what is none. */
export function readAccount(text: string): Address {
  return parseAddress(text) ?? invalidOption('account', 'an address of 20 bytes in hexadecimal', text)
}
