import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { encodeBase64url } from './base64.ts'
import { utf8 } from './bytes.ts'

/** HMAC-SHA256 of a text under one secret (RFC 2104), as unpadded base64url. */
export type Mac = (text: string) => string

/** Prepares a secret once. The runtime's own `node:crypto` does it where there is one: three times faster. */
export function createMac(secret: Uint8Array): Mac {
  const node = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (node === undefined) return portableMac(secret)
  const key = node.createSecretKey(secret)
  return (text) => node.createHmac('sha256', key).update(text).digest('base64url')
}

/** The same anywhere. */
export function portableMac(secret: Uint8Array): Mac {
  const state = hmac.create(sha256, secret)
  return (text) => encodeBase64url(state.clone().update(utf8(text)).digest())
}
