import { keccak_256 } from '@noble/hashes/sha3.js'
import { utf8 } from '../../../lib/bytes.ts'
import { type Hex, toHex } from '../../../lib/hex.ts'

/** First four bytes of `keccak256("mpp")`, then the version. */
const TAG = '0xef1ed71201'

/**
 * Whether a transfer's memo binds it to a challenge. Its 32 bytes are a tag and version (5), the fingerprint of the
 * realm (10), one of the client or zeros (10), and the fingerprint of the challenge (7): what makes a transfer that
 * everybody can see on the chain good for one challenge only.
 */
export function isBoundMemo(memo: Hex, realm: string, challengeId: string): boolean {
  const text = memo.toLowerCase()
  return (
    text.length === 66 &&
    text.startsWith(TAG + fingerprint(realm, 10)) &&
    text.endsWith(fingerprint(challengeId, 7))
  )
}

/** The memo that binds a transfer to a challenge, of a client without a name. */
export function boundMemo(realm: string, challengeId: string): Hex {
  return `${TAG}${fingerprint(realm, 10)}${'00'.repeat(10)}${fingerprint(challengeId, 7)}`
}

function fingerprint(text: string, bytes: number): string {
  return toHex(keccak_256(utf8(text)).subarray(0, bytes)).slice(2)
}
