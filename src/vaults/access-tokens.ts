import { hkdf } from '@noble/hashes/hkdf'
import { sha256 } from '@noble/hashes/sha2'
import type { JWTPayload } from 'jose'
import { encodeBase64url } from '../lib/base64.ts'
import type { Clock } from '../lib/clock.ts'
import type { Random } from '../lib/id.ts'
import { CofferError, invalidOption } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import type { Store } from '../stores/store.ts'
import { isVaultId } from './new-vault.ts'
import type { VaultBook } from './vault-book.ts'

/** An access token as it is given out. No later call shows it. */
export interface IssuedToken {
  /** `vat_…`: lets whoever holds it read one vault. */
  readonly token: string
  /** Names it, to revoke it; worth nothing by itself. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** What an access token lets its holder do: read this vault. */
export interface TokenGrant {
  /** `vlt_…` */
  readonly vaultId: string
  /** Id of the token. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** The access tokens of vaults. */
export interface AccessTokens {
  /**
   * Gives out a token.
   *
   * @param ttlSeconds - 1 to 86400. Default 3600.
   * @throws CofferError `invalid-option` for another time.
   */
  issue(vault: string, ttlSeconds?: number): Promise<IssuedToken | Refusal>
  /** What a token is good for, unless it is forged, expired or revoked. Says nothing of the vault, which may be gone. */
  verify(token: string): Promise<TokenGrant | Refusal>
  /** Takes a token back by its id; `false` when there is none. */
  revoke(vault: string, id: string): Promise<boolean>
}

/** What {@link createAccessTokens} stands on. */
export interface AccessTokensOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** The first signs, all verify. */
  readonly secrets: readonly Uint8Array[]
  readonly book: VaultBook
}

const PREFIX = 'vat_'
/** Separates these keys from whatever else is derived from the same secrets. */
const PURPOSE = 'coffer vault access tokens'
const ALGORITHM = 'HS256'
/** `typ` of the JWT (RFC 8725 section 3.11): what was signed for one purpose cannot serve another. */
const TYPE = 'vault-access+jwt'
const DEFAULT_TTL = 3600
const MAX_TTL = 86_400
const MAX_LENGTH = 2000
/** Decoders of base64url are lenient; one token has one text. */
const TOKEN = /^vat_[\w-]+\.[\w-]+\.[\w-]+$/
const ID = /^[\w-]{22}$/

/** Makes what access tokens are issued and verified with. */
export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { store, clock, random, book } = options
  const derived = options.secrets.map((secret) => hkdf(sha256, secret, undefined, PURPOSE, 32))

  /** The claims of a token that one of our keys has signed, and whose time has not passed. */
  async function claimsOf(jwt: string): Promise<JWTPayload | null> {
    const { errors, jwtVerify } = await import('jose')
    const rules = { algorithms: [ALGORITHM], typ: TYPE, currentDate: new Date(clock()) }
    for (const key of derived) {
      try {
        return (await jwtVerify(jwt, key, rules)).payload
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) return null
      }
    }
    return null
  }

  return {
    async issue(vault, ttlSeconds = DEFAULT_TTL) {
      if (!(Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= MAX_TTL)) {
        invalidOption('ttlSeconds', `a whole number from 1 to ${MAX_TTL}`, ttlSeconds)
      }
      const held = await book.open(vault)
      if (isRefusal(held)) return held
      const [key] = derived
      if (key === undefined) throw new CofferError('invalid-state', 'there is no secret to sign with')
      const id = encodeBase64url(random(16))
      const issuedAt = Math.floor(clock() / 1000)
      const expiresAt = (issuedAt + ttlSeconds) * 1000
      // What is not in the store is revoked.
      await store.commit([{ key: keys.accessToken(vault, id), value: { issuedAt }, expiresAt }])
      const { SignJWT } = await import('jose')
      const jwt = await new SignJWT({})
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
        .setSubject(vault)
        .setJti(id)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + ttlSeconds)
        .sign(key)
      return { token: PREFIX + jwt, id, expiresAt }
    },

    async verify(token) {
      const isToken = token.length <= MAX_LENGTH && TOKEN.test(token)
      const claims = isToken ? await claimsOf(token.slice(PREFIX.length)) : null
      const { sub = '', jti = '', exp } = claims ?? {}
      if (exp === undefined || !isVaultId(sub) || !ID.test(jti)) return INVALID
      const entry = await store.get(keys.accessToken(sub, jti))
      return entry === null ? INVALID : { vaultId: sub, id: jti, expiresAt: exp * 1000 }
    },

    async revoke(vault, id) {
      if (!isVaultId(vault) || !ID.test(id)) return false
      const key = keys.accessToken(vault, id)
      if ((await store.get(key)) === null) return false
      await store.commit([{ key, value: null }])
      return true
    },
  }
}

const INVALID = refuse('unauthorized', 'The access token is not valid, or not any more.')
