/** Bytes as `0x`-prefixed hexadecimal text. */
export type Hex = `0x${string}`

const HEX = /^0x(?:[0-9a-fA-F]{2})*$/

/** Every byte as two digits. */
const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Whether a value is `0x` and whole bytes; with `length`, exactly that many bytes. */
export function isHex(value: unknown, length?: number): value is Hex {
  if (typeof value !== 'string' || (length !== undefined && value.length !== 2 + 2 * length)) return false
  return HEX.test(value)
}

/** Formats bytes as lower-case `0x` hexadecimal. */
export function toHex(bytes: Uint8Array): Hex {
  let text = '0x'
  for (const byte of bytes) text += PAIRS[byte]
  return text as Hex
}

/** Bytes of `0x` hexadecimal text. The caller has checked it with {@link isHex}. */
export function fromHex(hex: Hex): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array((hex.length - 2) / 2)
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = 16 * digitAt(hex, 2 + 2 * at) + digitAt(hex, 3 + 2 * at)
  }
  return bytes
}

/** Value of a digit: `0` to `9` are 0x30 and on, letters have 1 to 6 in their low bits, and 0x40 set. */
function digitAt(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return (code & 0x0f) + (code & 0x40 ? 9 : 0)
}
