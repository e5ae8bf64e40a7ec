import { sha256 } from '@noble/hashes/sha2.js'
import { utf8 } from '../lib/bytes.ts'
import type { Random } from '../lib/id.ts'

const BLOCK = 32

/** Bytes that look random and are the same in every run. For tests: whoever knows the seed knows all of them. */
export function createFakeRandom(seed = ''): Random {
  let drawn = 0
  return (length) => {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += BLOCK) {
      bytes.set(sha256(utf8(`${seed}/${drawn++}`)).subarray(0, length - at), at)
    }
    return bytes
  }
}
