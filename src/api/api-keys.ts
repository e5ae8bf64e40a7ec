import { constantTimeEqual } from '../lib/bytes.ts'
import { sha256Hex } from '../lib/sha256.ts'
import { bearerScheme, bearerToken, unauthorized } from './bearer.ts'
import type { Guard } from './route.ts'

/**
 * Lets in who has one of the keys. Keys are kept and compared as their SHA-256, all of them each time, so that nothing can
 * be learned from how long it takes.
 */
export function keyGuard(keys: readonly string[]): Guard {
  const hashes = keys.map(sha256Hex)
  return {
    schemes: { apiKey: bearerScheme('An API key of the configuration.') },
    problems: ['unauthorized'],
    async admit(request) {
      const token = bearerToken(request)
      const hash = token === null ? '' : sha256Hex(token)
      const isKnown = hashes.filter((known) => constantTimeEqual(known, hash)).length > 0
      return isKnown ? { token: null } : unauthorized(request)
    },
  }
}
