import { sha256 } from '@noble/hashes/sha2.js'
import { utf8 } from './bytes.ts'
import { toHex } from './hex.ts'

type Hash = typeof import('node:crypto').hash

/** The hash of `node:crypto` that is one call; `undefined` where there is none. */
export const nodeHash: Hash | undefined = /* @__PURE__ */ findHash()

function findHash(): Hash | undefined {
  try {
    return globalThis.process?.getBuiltinModule?.('node:crypto')?.hash
  } catch {
    // Next's edge runtime has the function, but only to complain.
    return undefined
  }
}

/** SHA-256 of a text's UTF-8, as lower-case hexadecimal. By `node:crypto` where there is one: five times faster. */
export function sha256Hex(text: string): string {
  return nodeHash?.('sha256', text, 'hex') ?? toHex(sha256(utf8(text))).slice(2)
}
