import { sha256 } from '@noble/hashes/sha2.js'
import { constantTimeEqual, utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import { bearerScheme, bearerToken, unauthorized } from './bearer.ts'
import type { Guard } from './route.ts'

/**
 * Lets in who has one of the keys. Keys are kept and compared as their SHA-256, all of them each time, so that nothing can
 * be learned from how long it takes.
 */
export function keyGuard(keys: readonly string[]): Guard {
  const hashes = keys.map(hashOf)
  return {
    schemes: { apiKey: bearerScheme('An API key of the configuration.') },
    problems: ['unauthorized'],
    async admit(request) {
      const token = bearerToken(request)
      const hash = token === null ? '' : hashOf(token)
      const isKnown = hashes.filter((known) => constantTimeEqual(known, hash)).length > 0
      return isKnown ? { token: null } : unauthorized(request)
    },
  }
}

const hashOf = (key: string): string => toHex(sha256(utf8(key)))
