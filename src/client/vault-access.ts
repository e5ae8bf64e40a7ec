import { invalidOption } from '../problems/error.ts'

/** An access token of a vault; or a function that is asked for one, perhaps a new one, with every request. */
export type VaultToken = string | (() => string | Promise<string>)

/** A bearer token (RFC 6750 section 2.1). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

/**
 * A URL below that of a vault.
 *
 * @throws CofferError `invalid-option`.
 */
export function vaultUrl(url: string | URL, path: string): URL {
  const base = globalThis.location?.href
  if (!URL.canParse(url, base)) invalidOption('url', 'the URL of a vault')
  const target = new URL(url, base)
  target.pathname = target.pathname.replace(/\/$/, '') + path
  return target
}

/**
 * The `Authorization` that shows a token.
 *
 * @throws CofferError `invalid-option`. Whatever the function throws.
 */
export async function authorization(token: VaultToken): Promise<string> {
  const text = typeof token === 'function' ? await token() : token
  const isToken = typeof text === 'string' && TOKEN.test(text)
  return isToken ? `Bearer ${text}` : invalidOption('token', 'an access token')
}
