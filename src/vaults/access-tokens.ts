import { encodeBase64url } from '../lib/base64.ts'
import type { Random } from '../lib/id.ts'
import { invalidOption } from '../problems/error.ts'
import { isRefusal, type Refusal, refuse } from '../problems/refusal.ts'
import { keys } from '../stores/keys.ts'
import type { Store } from '../stores/store.ts'
import { isVaultId } from './new-vault.ts'
import { createSignedTokens, isTokenId, type SignedTokensOptions } from './signed-tokens.ts'
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
  /** What the token of an id is good for still; `null` when it has expired or was revoked. */
  find(vault: string, id: string): Promise<TokenGrant | null>
  /** Takes a token back by its id; `false` when there is none. */
  revoke(vault: string, id: string): Promise<boolean>
}

/** What {@link createAccessTokens} stands on. */
export interface AccessTokensOptions extends SignedTokensOptions {
  readonly store: Store
  readonly random: Random
  readonly book: VaultBook
}

const DEFAULT_TTL = 3600
const MAX_TTL = 86_400

/** Makes what access tokens are issued and verified with. */
export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { store, clock, random, book } = options
  const signed = createSignedTokens(
    { prefix: 'vat_', purpose: 'coffer vault access tokens', type: 'vault-access+jwt' },
    options,
  )

  async function find(vaultId: string, id: string): Promise<TokenGrant | null> {
    const isOurs = isVaultId(vaultId) && isTokenId(id)
    const entry = isOurs ? await store.get(keys.accessToken(vaultId, id)) : null
    const expiresAt = Number(entry?.value['expiresAt'] ?? 0)
    return expiresAt > clock() ? { vaultId, id, expiresAt } : null
  }

  return {
    find,

    async issue(vault, ttlSeconds = DEFAULT_TTL) {
      if (!(Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= MAX_TTL)) {
        invalidOption('ttlSeconds', `a whole number from 1 to ${MAX_TTL}`, ttlSeconds)
      }
      const held = await book.open(vault)
      if (isRefusal(held)) return held
      const id = encodeBase64url(random(16))
      const expiresAt = (Math.floor(clock() / 1000) + ttlSeconds) * 1000
      const token = await signed.sign({ vaultId: vault, id, expiresAt })
      // What is not in the store is revoked.
      await store.commit([{ key: keys.accessToken(vault, id), value: { expiresAt }, expiresAt }])
      return { token, id, expiresAt }
    },

    async verify(token) {
      const claims = await signed.read(token)
      if (claims === null || claims.id === null) return INVALID
      return (await find(claims.vaultId, claims.id)) ?? INVALID
    },

    async revoke(vault, id) {
      if ((await find(vault, id)) === null) return false
      await store.commit([{ key: keys.accessToken(vault, id), value: null }])
      return true
    },
  }
}

const INVALID = refuse('unauthorized', 'The access token is not valid, or not any more.')
