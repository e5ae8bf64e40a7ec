import { decodeBase64url, encodeBase64url } from '../lib/base64.ts'
import { fromUtf8, utf8 } from '../lib/bytes.ts'
import { deriveKey } from '../lib/derive-key.ts'
import type { Random } from '../lib/id.ts'

/**
 * Keeps secrets that must be used again, and so cannot be hashed. What the store holds is worth nothing without the
 * secret of the configuration.
 */
export interface SecretBox {
  /** Encrypts under the first key. */
  seal(text: string, owner: string): Promise<string>
  /**
   * Decrypts under whichever key fits; `null` when none does.
   *
   * @param owner - As it was when the text was sealed: what belongs to one cannot be passed off as another's.
   */
  open(sealed: string, owner: string): Promise<string | null>
}

/** Separates these keys from whatever else is derived from the same secrets. */
const PURPOSE = 'coffer webhook secrets'
const ALGORITHM = 'AES-GCM'
const IV_BYTES = 12

/** Makes a box whose keys are derived from secrets of the configuration: the first encrypts, all decrypt. */
export function createSecretBox(secrets: readonly Uint8Array[], random: Random): SecretBox {
  let keys: Promise<readonly CryptoKey[]> | null = null
  const allKeys = (): Promise<readonly CryptoKey[]> => {
    keys ??= Promise.all(secrets.map(importKey))
    return keys
  }

  return {
    async seal(text, owner) {
      const [key] = await allKeys()
      if (key === undefined) throw new TypeError('there is no secret to derive a key from')
      const iv = Uint8Array.from(random(IV_BYTES))
      const sealed = await crypto.subtle.encrypt(parameters(iv, owner), key, utf8(text))
      return `${encodeBase64url(iv)}.${encodeBase64url(new Uint8Array(sealed))}`
    },

    async open(sealed, owner) {
      const [iv, bytes] = sealed.split('.').map(decodeBase64url)
      for (const key of await allKeys()) {
        const text = iv && bytes ? await decrypt(key, parameters(iv, owner), bytes) : null
        if (text !== null) return text
      }
      return null
    },
  }
}

function parameters(iv: Uint8Array<ArrayBuffer>, owner: string): AesGcmParams {
  return { name: ALGORITHM, iv, additionalData: utf8(owner) }
}

async function decrypt(
  key: CryptoKey,
  parameters: AesGcmParams,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string | null> {
  try {
    return fromUtf8(new Uint8Array(await crypto.subtle.decrypt(parameters, key, bytes)))
  } catch {
    return null
  }
}

function importKey(secret: Uint8Array): Promise<CryptoKey> {
  const bytes = deriveKey(secret, PURPOSE)
  return crypto.subtle.importKey('raw', bytes, ALGORITHM, false, ['encrypt', 'decrypt'])
}
