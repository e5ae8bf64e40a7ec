import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from './body.ts'
import { utf8 } from './bytes.ts'

/** A key of 32 bytes for one purpose: HKDF-SHA256 (RFC 5869) without a salt, whose first block is all that is needed. */
export function deriveKey(secret: Uint8Array, purpose: string): Uint8Array<ArrayBuffer> {
  const extracted = hmac(sha256, new Uint8Array(sha256.outputLen), secret)
  return Uint8Array.from(hmac(sha256, extracted, concatBytes([utf8(purpose), Uint8Array.of(1)])))
}
