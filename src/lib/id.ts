import { encodeBase64url } from './base64.ts'

/** Fills and returns an array of random bytes; replaceable, so that tests can repeat themselves. */
export type Random = (length: number) => Uint8Array

/** Asking for randomness costs more than the bytes do: so many are drawn at once. */
const DRAW = 4096

let drawn = new Uint8Array(0)
let used = 0

/** Cryptographic randomness of the runtime. */
export const systemRandom: Random = (length) => {
  if (length > DRAW) return crypto.getRandomValues(new Uint8Array(length))
  if (used + length > drawn.length) {
    drawn = crypto.getRandomValues(new Uint8Array(DRAW))
    used = 0
  }
  const bytes = drawn.slice(used, used + length)
  // What was handed out is nobody else's to see.
  drawn.fill(0, used, used + length)
  used += length
  return bytes
}

/** A new id such as `pay_…`: the prefix and 128 random bits in base64url. */
export function createId(prefix: 'pay' | 'evt' | 'wh' | 'vlt', random: Random): string {
  return `${prefix}_${encodeBase64url(random(16))}`
}
