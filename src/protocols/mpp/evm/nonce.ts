import { keccak_256 } from '@noble/hashes/sha3.js'
import { utf8 } from '../../../lib/bytes.ts'
import { type Hex, toHex } from '../../../lib/hex.ts'

/** The nonce that binds an authorization to a challenge (draft-evm-charge-00 section 6.3.1). */
export function nonceOf(challengeId: string, realm: string): Hex {
  return toHex(keccak_256(utf8(challengeId + realm)))
}
