import { sha256 } from '@noble/hashes/sha2.js'
import { utf8 } from './bytes.ts'
import { toHex } from './hex.ts'

/** SHA-256 of a text's UTF-8, as lower-case hexadecimal. By `node:crypto` where there is one: five times faster. */
export function sha256Hex(text: string): string {
  const node = globalThis.process?.getBuiltinModule?.('node:crypto')
  return node?.hash?.('sha256', text, 'hex') ?? toHex(sha256(utf8(text))).slice(2)
}
