import type { JWK } from 'jose'
import { deriveKey } from '../lib/derive-key.ts'
import { CofferError } from '../problems/error.ts'

/** A pair of keys that manifests are signed with. */
export interface SigningKey {
  readonly privateKey: CryptoKey
  /** Ed25519 (RFC 8037), with its thumbprint (RFC 7638) as `kid`. */
  readonly publicJwk: JWK
}

/** Public keys (RFC 7517 section 5). */
export interface Jwks {
  readonly keys: readonly JWK[]
}

/** The keys of a configuration. */
export interface SigningKeys {
  /** The one that signs. */
  current(): Promise<SigningKey>
  /** Public keys of all that have signed, newest first. */
  jwks(): Promise<Jwks>
}

/** Separates these keys from whatever else is derived from the same secrets. */
const PURPOSE = 'coffer vault manifests'
/** What comes before the 32 bytes of a private key of Ed25519 in PKCS #8 (RFC 8410 section 7). */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]

/** Derives keys from the secrets of the configuration: the first signs, and all can be verified. */
export function createSigningKeys(secrets: readonly Uint8Array[]): SigningKeys {
  let derived: Promise<readonly SigningKey[]> | null = null
  const all = (): Promise<readonly SigningKey[]> => {
    derived ??= Promise.all(secrets.map(derive))
    return derived
  }
  return {
    async current() {
      const [first] = await all()
      if (first === undefined)
        throw new CofferError('invalid-state', 'there is no secret to derive a key from')
      return first
    },
    jwks: async () => ({ keys: (await all()).map(({ publicJwk }) => publicJwk) }),
  }
}

async function derive(secret: Uint8Array): Promise<SigningKey> {
  const { calculateJwkThumbprint } = await import('jose')
  const seed = deriveKey(secret, PURPOSE)
  const pkcs8 = Uint8Array.from([...PKCS8_HEAD, ...seed])
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
  const { x = '' } = await crypto.subtle.exportKey('jwk', key)
  const essence = { kty: 'OKP', crv: 'Ed25519', x }
  const kid = await calculateJwkThumbprint(essence)
  return { privateKey: key, publicJwk: { ...essence, kid, alg: 'EdDSA', use: 'sig' } }
}
