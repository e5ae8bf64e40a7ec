import { sha256 } from '@noble/hashes/sha2'
import { constantTimeEqual, utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import type { Guard } from './route.ts'

/** Credentials of the Bearer scheme (RFC 6750 section 2.1). */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** The bearer token of a request; `null` when it has none. */
export function bearerToken(request: Request): string | null {
  const field = request.headers.get('authorization')
  return (field && BEARER.exec(field)?.[1]) || null
}

/**
 * Lets in who has one of the keys. Keys are kept and compared as their SHA-256, all of them each time, so that nothing can
 * be learned from how long it takes.
 */
export function keyGuard(keys: readonly string[]): Guard {
  const hashes = keys.map(hashOf)
  return {
    schemes: { apiKey: 'An API key of the configuration.' },
    admits(request) {
      const token = bearerToken(request)
      if (token === null) return false
      const hash = hashOf(token)
      return hashes.filter((known) => constantTimeEqual(known, hash)).length > 0
    },
  }
}

const hashOf = (key: string): string => toHex(sha256(utf8(key)))
