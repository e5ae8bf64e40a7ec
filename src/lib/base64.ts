import { fromUtf8, utf8 } from './bytes.ts'

/**
 * Base64 as RFC 4648 defines it: padded standard (section 4) for x402, unpadded url-safe (section 5) for MPP.
 * Decoding is strict, because lenient decoders let two texts stand for one credential.
 */

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/
const NOT_ASCII = /[\x80-\xff]/

/** How many bytes one `String.fromCharCode` call takes without overflowing the argument stack. */
const CHUNK = 0x8000

/** Encodes bytes, or the UTF-8 of a text, as padded standard base64 (RFC 4648 section 4). */
export function encodeBase64(data: Uint8Array | string): string {
  // Most texts here are JSON in plain ASCII, which is its own UTF-8: no need to make bytes of them and text again.
  if (typeof data === 'string') return PRINTABLE_ASCII.test(data) ? btoa(data) : encodeBase64(utf8(data))
  let binary = ''
  for (let at = 0; at < data.length; at += CHUNK) {
    // Spread would walk an iterator: several times slower.
    binary += Reflect.apply(String.fromCharCode, null, data.subarray(at, at + CHUNK))
  }
  return btoa(binary)
}

/** Decodes padded standard base64; `null` for any other text, also for stray bits in the last character. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const binary = binaryOf(text)
  return binary === null ? null : bytesOf(binary)
}

/** {@link decodeBase64} of a text's UTF-8; `null` also when it is not UTF-8. */
export function decodeBase64Text(text: string): string | null {
  const binary = binaryOf(text)
  // Most is JSON in plain ASCII, as in `encodeBase64`.
  if (binary === null || !NOT_ASCII.test(binary)) return binary
  return fromUtf8(bytesOf(binary))
}

/** Encodes bytes, or the UTF-8 of a text, as unpadded base64url (RFC 4648 section 5). */
export function encodeBase64url(data: Uint8Array | string): string {
  const text = encodeBase64(data)
  return text
    .slice(0, text.length - paddingOf(text))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
}

/** Decodes unpadded base64url; `null` for any other text, also for stray bits in the last character. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  const standard = toStandard(text)
  return standard === null ? null : decodeBase64(standard)
}

/** {@link decodeBase64url} of a text's UTF-8; `null` also when it is not UTF-8. */
export function decodeBase64urlText(text: string): string | null {
  const standard = toStandard(text)
  return standard === null ? null : decodeBase64Text(standard)
}

/** Unpadded base64url as padded standard base64; `null` for a text with a character that only the latter has. */
function toStandard(text: string): string | null {
  if (text.includes('+') || text.includes('/') || text.includes('=')) return null
  return text.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat(-text.length & 3)
}

/** One character for each byte of padded standard base64; `null` for any other text. */
function binaryOf(text: string): string | null {
  if (text.length % 4 !== 0) return null
  const padding = paddingOf(text)
  try {
    const binary = atob(text)
    // It passes over white space, of which there is none when nothing is missing (WHATWG Infra, forgiving-base64 decode).
    const isWhole = binary.length === (text.length / 4) * 3 - padding
    return isWhole && !hasStrayBits(text, binary, padding) ? binary : null
  } catch {
    return null
  }
}

/** How many of the last two characters are padding. */
function paddingOf(text: string): number {
  return text.endsWith('==') ? 2 : Number(text.endsWith('='))
}

/** RFC 4648 section 3.5: the unused bits of the last group must be zero. */
function hasStrayBits(text: string, binary: string, padding: number): boolean {
  return padding > 0 && btoa(binary.slice(padding - 3)) !== text.slice(-4)
}

function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}
