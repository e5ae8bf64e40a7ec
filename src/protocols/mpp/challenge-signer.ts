import { hmac } from '@noble/hashes/hmac'
import { sha256 } from '@noble/hashes/sha2'
import { encodeBase64url } from '../../lib/base64.ts'
import { constantTimeEqual, utf8 } from '../../lib/bytes.ts'
import type { ChallengeParams } from './challenge.ts'

/** Makes and recognizes the ids of challenges, so that no challenge needs to be stored. */
export interface ChallengeSigner {
  /** Id under the first secret. */
  sign(params: Omit<ChallengeParams, 'id'>): string
  /** Whether the id was made from these parameters under any of the secrets. */
  verify(params: ChallengeParams): boolean
}

/** Prepares the HMAC state of every secret once; a challenge then costs a few microseconds. */
export function createChallengeSigner(secrets: readonly Uint8Array[]): ChallengeSigner {
  const keys = secrets.map((secret) => hmac.create(sha256, secret))
  const idUnder = (key: (typeof keys)[number], params: Omit<ChallengeParams, 'id'>): string =>
    encodeBase64url(
      key
        .clone()
        .update(utf8(bindingInput(params)))
        .digest(),
    )
  return {
    sign(params) {
      const [first] = keys
      if (first === undefined) throw new TypeError('there is no secret to sign challenges with')
      return idUnder(first, params)
    },
    verify(params) {
      let valid = false
      for (const key of keys) valid = constantTimeEqual(params.id, idUnder(key, params)) || valid
      return valid
    },
  }
}

/** Seven fixed slots, empty when absent (section 5.1.2.1.1). Only `realm` could hold the separator, and it is ours. */
function bindingInput({
  realm,
  method,
  intent,
  request,
  expires,
  digest,
  opaque,
}: Omit<ChallengeParams, 'id'>): string {
  return [realm, method, intent, request, expires ?? '', digest ?? '', opaque ?? ''].join('|')
}
