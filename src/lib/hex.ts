/** Bytes as `0x`-prefixed hexadecimal text. */
export type Hex = `0x${string}`

const HEX = /^0x(?:[0-9a-fA-F]{2})*$/

/** Whether a value is `0x` and whole bytes; with `length`, exactly that many bytes. */
export function isHex(value: unknown, length?: number): value is Hex {
  if (typeof value !== 'string' || (length !== undefined && value.length !== 2 + 2 * length)) return false
  return HEX.test(value)
}

/** Formats bytes as lower-case `0x` hexadecimal. */
export function toHex(bytes: Uint8Array): Hex {
  let text = '0x'
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text as Hex
}

/** Bytes of `0x` hexadecimal text. The caller has checked it with {@link isHex}. */
export function fromHex(hex: Hex): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array((hex.length - 2) / 2)
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(hex.slice(2 + 2 * at, 4 + 2 * at), 16)
  return bytes
}
