import { decodeBase64, encodeBase64url } from '../../lib/base64.ts'
import { toHex } from '../../lib/hex.ts'
import { invalidOption } from '../../problems/error.ts'
import { refuseUnknownOptions } from '../../problems/options.ts'
import { type Facilitator, type FacilitatorCall, facilitator } from './facilitator.ts'

/** A secret API key of Coinbase's developer platform. */
export interface CoinbaseOptions {
  /** Id of the key. */
  readonly keyId: string
  /** The key: 64 bytes in base64 (Ed25519), or PEM in PKCS #8 (ES256). */
  readonly keySecret: string
  /** Base URL. Default: Coinbase's. */
  readonly url?: string
  /** See {@link facilitator}. Default 30 000. */
  readonly timeoutMs?: number
}

const URL_OF_COINBASE = 'https://api.cdp.coinbase.com/platform/v2/x402'

/** Seconds that a token is good for. */
const LIFETIME = 120

/**
 * Coinbase's facilitator, which asks for a token per call: a JWT that names method, host and path, signed with the key.
 *
 * @throws CofferError `invalid-option`. Never shows the key.
 */
export function coinbase(options: CoinbaseOptions): Facilitator {
  refuseUnknownOptions(options, ['keyId', 'keySecret', 'url', 'timeoutMs'], 'coinbase')
  const { keyId, keySecret, url = URL_OF_COINBASE, timeoutMs } = options
  if (typeof keyId !== 'string' || keyId === '') invalidOption('coinbase.keyId', 'the id of an API key')
  const readKey = keyReader(keySecret)
  return facilitator({
    url,
    ...(timeoutMs !== undefined && { timeoutMs }),
    async auth(call) {
      const { host, pathname } = new URL(url)
      const path = `${pathname.replace(/\/+$/, '')}/${call}`
      return { authorization: `Bearer ${await sign(`${methodOf(call)} ${host}${path}`)}` }
    },
  })

  async function sign(uri: string): Promise<string> {
    const { SignJWT } = await import('jose')
    const { key, alg } = await readKey()
    const nonce = toHex(crypto.getRandomValues(new Uint8Array(16))).slice(2)
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ uris: [uri] })
      .setProtectedHeader({ alg, kid: keyId, typ: 'JWT', nonce })
      .setSubject(keyId)
      .setIssuer('cdp')
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + LIFETIME)
      .sign(key)
  }
}

interface SigningKey {
  readonly key: CryptoKey
  readonly alg: 'EdDSA' | 'ES256'
}

/** Checks the form of a key now; it is imported when it is first needed, and kept. */
function keyReader(secret: unknown): () => Promise<SigningKey> {
  const text = typeof secret === 'string' ? secret : ''
  const bytes = decodeBase64(text.trim())
  const isPem = text.includes('BEGIN PRIVATE KEY')
  if (bytes?.length !== 64 && !isPem) {
    invalidOption('coinbase.keySecret', 'an Ed25519 key (64 bytes in base64) or an ES256 key (PEM, PKCS #8)')
  }
  let imported: Promise<SigningKey> | undefined
  return () => {
    imported ??= bytes?.length === 64 ? importEd25519(bytes) : importEs256(text)
    return imported
  }
}

async function importEd25519(bytes: Uint8Array): Promise<SigningKey> {
  const { importJWK } = await import('jose')
  const [d, x] = [bytes.subarray(0, 32), bytes.subarray(32)].map(encodeBase64url)
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', d: d ?? '', x: x ?? '' }, 'EdDSA')
  if (key instanceof Uint8Array) throw new TypeError('not an Ed25519 key')
  return { key, alg: 'EdDSA' }
}

async function importEs256(pem: string): Promise<SigningKey> {
  const { importPKCS8 } = await import('jose')
  return { key: await importPKCS8(pem, 'ES256'), alg: 'ES256' }
}

function methodOf(call: FacilitatorCall): string {
  return call === 'supported' ? 'GET' : 'POST'
}
