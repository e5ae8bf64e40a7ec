import type { JWK } from 'jose'
import { fromUtf8, utf8 } from '../lib/bytes.ts'
import { isJsonObject, type Json, type JsonObject, parseJsonObject } from '../lib/json.ts'
import { sha256Hex } from '../lib/sha256.ts'
import { CofferError } from '../problems/error.ts'
import { contentText } from './content.ts'
import type { SigningKey } from './signing-keys.ts'

/** What a sealed vault held, as its seller has signed it. Instants are epoch milliseconds. */
export interface SignedManifest {
  /** `vlt_…` */
  readonly vault: string
  readonly label: string | null
  /** What was said when it was sealed. */
  readonly summary: string | null
  readonly createdAt: number
  readonly sealedAt: number
  /** What paid for it; empty for a vault that was made without a payment. */
  readonly payments: readonly SignedPayment[]
  /** All that there were when it was sealed, in order. */
  readonly documents: readonly SignedDocument[]
  /** All that there were when it was sealed, in order; also one that was deleted afterwards. */
  readonly files: readonly SignedFile[]
  /** How many events there were. */
  readonly events: number
}

/** A payment in a {@link SignedManifest}: its id, and what the seller's book says of it. */
export type SignedPayment = { readonly id: string } & JsonObject

/** A document in a {@link SignedManifest}. */
export type SignedDocument = {
  readonly id: string
  readonly label: string | null
  /** Bytes of its canonical JSON (RFC 8785). */
  readonly size: number
  /** Of its canonical JSON, in lower-case hexadecimal: what {@link documentDigest} makes of its data. */
  readonly sha256: string
  readonly createdAt: number
}

/** A file in a {@link SignedManifest}. */
export type SignedFile = {
  readonly id: string
  readonly name: string
  readonly mimeType: string
  readonly size: number
  /** Of its bytes, in lower-case hexadecimal. */
  readonly sha256: string
  readonly createdAt: number
}

/** `typ` of the JWS (RFC 7515 section 4.1.9): what was signed for one purpose cannot serve another. */
const TYPE = 'vault-manifest+json'
const ALGORITHM = 'EdDSA'

/** Signs a manifest: a JWS in compact form (RFC 7515). The same manifest and key always make the same text. */
export async function signManifest(manifest: SignedManifest, key: SigningKey): Promise<string> {
  const { CompactSign } = await import('jose')
  const { kid = '' } = key.publicJwk
  return new CompactSign(utf8(contentText(manifest, 'manifest')))
    .setProtectedHeader({ alg: ALGORITHM, kid, typ: TYPE })
    .sign(key.privateKey)
}

/**
 * Checks a signed manifest against the seller's public keys, which the seller publishes as a JWKS (RFC 7517). Keep a
 * copy of both: the proof is good for as long as you can show that the keys were the seller's.
 *
 * @throws CofferError `invalid-manifest` when the text is not a manifest that one of these keys has signed.
 *
 * @example
 * ```ts
 * const manifest = await verifyManifest(proof, jwks)
 * const report = manifest.documents.find(({ sha256 }) => sha256 === documentDigest(received))
 * ```
 */
export async function verifyManifest(
  jws: string,
  jwks: { readonly keys: readonly JWK[] },
): Promise<SignedManifest> {
  const { compactVerify, createLocalJWKSet } = await import('jose')
  const keys = { keys: [...jwks.keys] }
  const verified = await compactVerify(jws, createLocalJWKSet(keys), { algorithms: [ALGORITHM] }).catch(() =>
    refuseManifest('no key has signed it'),
  )
  if (verified.protectedHeader.typ !== TYPE) return refuseManifest('it is something else that was signed')
  const manifest = parseJsonObject(fromUtf8(verified.payload) ?? '')
  return isSignedManifest(manifest) ? manifest : refuseManifest('it is malformed')
}

/**
 * SHA-256 of a document, as manifests have it: of its canonical JSON (RFC 8785), in lower-case hexadecimal.
 *
 * @throws CofferError `invalid-option` for what JSON cannot carry.
 */
export function documentDigest(data: Json): string {
  return sha256Hex(contentText(data, 'data'))
}

/** The signature vouches for what is inside; this only for the version of it. */
function isSignedManifest(value: JsonObject | null): value is SignedManifest & JsonObject {
  if (value === null || typeof value['vault'] !== 'string' || typeof value['sealedAt'] !== 'number')
    return false
  return [value['payments'], value['documents'], value['files']].every(
    (list) => Array.isArray(list) && list.every(isJsonObject),
  )
}

function refuseManifest(why: string): never {
  throw new CofferError('invalid-manifest', `the manifest is refused: ${why}`)
}
