import { utf8 } from './bytes.ts'

/**
 * Base64 as RFC 4648 defines it: padded standard (section 4) for x402, unpadded url-safe (section 5) for MPP.
 * Decoding is strict, because lenient decoders let two texts stand for one credential.
 */

/** With a length of whole groups. Groups are not matched as such: V8 throws on a long text of `(?:…{4})*`. */
const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/
const URL_SAFE = /^[A-Za-z0-9_-]*$/
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

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
  if (text.length % 4 !== 0 || !STANDARD.test(text)) return null
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return hasStrayBits(text, bytes) ? null : bytes
}

/** Encodes bytes, or the UTF-8 of a text, as unpadded base64url (RFC 4648 section 5). */
export function encodeBase64url(data: Uint8Array | string): string {
  return encodeBase64(data).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/** Decodes unpadded base64url; `null` for any other text, also for stray bits in the last character. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 === 1 || !URL_SAFE.test(text)) return null
  const padding = '='.repeat((4 - (text.length % 4)) % 4)
  return decodeBase64(text.replace(/-/g, '+').replace(/_/g, '/') + padding)
}

/** RFC 4648 section 3.5: the unused bits of the last group must be zero. */
function hasStrayBits(text: string, bytes: Uint8Array): boolean {
  const rest = bytes.length % 3
  return rest !== 0 && encodeBase64(bytes.subarray(bytes.length - rest)) !== text.slice(-4)
}
