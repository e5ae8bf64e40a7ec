import { encodeBase64url } from './base64.ts'

/** Fills and returns an array of random bytes; replaceable, so that tests can repeat themselves. */
export type Random = (length: number) => Uint8Array

/** Cryptographic randomness of the runtime. */
export const systemRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length))

/** A new id such as `pay_…`: the prefix and 128 random bits in base64url. */
export function createId(prefix: 'pay' | 'evt' | 'wh' | 'vlt', random: Random): string {
  return `${prefix}_${encodeBase64url(random(16))}`
}
