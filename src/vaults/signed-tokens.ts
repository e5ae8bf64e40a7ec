import type { JWTPayload } from 'jose'
import type { Clock } from '../lib/clock.ts'
import { deriveKey } from '../lib/derive-key.ts'
import { CofferError } from '../problems/error.ts'
import { isVaultId } from './new-vault.ts'

/** What a signed token says. */
export interface TokenClaims {
  /** `vlt_…` of the vault that it is for. */
  readonly vaultId: string
  /** Id of the access token that it is, or that it was given out for; `null` when it was given out for an API key. */
  readonly id: string | null
  /** Epoch milliseconds, whole seconds. */
  readonly expiresAt: number
}

/** Tokens of one kind: JWTs (RFC 7519) behind a prefix, signed with HS256. */
export interface SignedTokens {
  sign(claims: TokenClaims): Promise<string>
  /** What a token says, if one of our keys has signed it and its time has not passed. */
  read(token: string): Promise<TokenClaims | null>
}

/** What tells tokens of one kind from those of others. */
export interface TokenKind {
  /** What they begin with. */
  readonly prefix: string
  /** Separates their keys from whatever else is derived from the same secrets. */
  readonly purpose: string
  /** `typ` of the JWT (RFC 8725 section 3.11): what was signed for one purpose cannot serve another. */
  readonly type: string
}

/** What {@link createSignedTokens} stands on. */
export interface SignedTokensOptions {
  readonly clock: Clock
  /** The first signs, all verify. */
  readonly secrets: readonly Uint8Array[]
}

const ALGORITHM = 'HS256'
const MAX_LENGTH = 2000
/** Decoders of base64url are lenient; one token has one text. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/
const ID = /^[\w-]{22}$/

/** Makes what tokens of a kind are signed and read with. */
export function createSignedTokens(
  { prefix, purpose, type }: TokenKind,
  { clock, secrets }: SignedTokensOptions,
): SignedTokens {
  const derived = secrets.map((secret) => deriveKey(secret, purpose))

  async function payloadOf(jwt: string): Promise<JWTPayload | null> {
    const { errors, jwtVerify } = await import('jose')
    const rules = { algorithms: [ALGORITHM], typ: type, currentDate: new Date(clock()) }
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
    async sign({ vaultId, id, expiresAt }) {
      const [key] = derived
      if (key === undefined) throw new CofferError('invalid-state', 'there is no secret to sign with')
      const { SignJWT } = await import('jose')
      const jwt = await new SignJWT({ sub: vaultId, ...(id !== null && { jti: id }) })
        .setProtectedHeader({ alg: ALGORITHM, typ: type })
        .setIssuedAt(Math.floor(clock() / 1000))
        .setExpirationTime(expiresAt / 1000)
        .sign(key)
      return prefix + jwt
    },

    async read(token) {
      const jwt = token.slice(prefix.length)
      if (!token.startsWith(prefix) || jwt.length > MAX_LENGTH || !JWT.test(jwt)) return null
      const { sub = '', jti = null, exp } = (await payloadOf(jwt)) ?? {}
      if (exp === undefined || !isVaultId(sub) || !(jti === null || isTokenId(jti))) return null
      return { vaultId: sub, id: jti, expiresAt: exp * 1000 }
    },
  }
}

/** Whether a text has the form of the id of an access token. */
export function isTokenId(text: string): boolean {
  return ID.test(text)
}
