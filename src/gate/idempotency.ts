import { sha256 } from '@noble/hashes/sha2.js'
import { readStart } from '../lib/body.ts'
import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import type { Fields } from '../lib/message.ts'
import type { Address } from '../payments/address.ts'
import type { Idempotency } from '../payments/payment.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import type { RequestHead } from './request-head.ts'

/** A Structured-Fields string (RFC 8941 section 3.3.3), or the bare token that many clients send instead. */
const KEY = /^(?:"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"|([\x21\x23-\x7e]+))$/
const MAX_KEY = 255

/** Reads `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header); `null` when the request has none. */
export function readIdempotencyKey(request: Fields): string | Refusal | null {
  const field = request.get('idempotency-key')
  if (field === null) return null
  const found = KEY.exec(field)
  const key = found?.[1]?.replace(/\\(.)/g, '$1') ?? found?.[2] ?? ''
  if (key !== '' && key.length <= MAX_KEY) return key
  return refuse('bad-request', 'The Idempotency-Key is not well-formed.', {
    expected: `a quoted string or a token of 1 to ${MAX_KEY} printable ASCII characters`,
  })
}

/** How much of a body stands for the whole of it: uploads may be larger than what anybody wants to hold. */
const MAX_READ = 2 ** 20

/**
 * What stands for the request: the same key with another one is a mistake of the client. Host and port do not count: behind
 * proxies the next try may arrive under others. Of a large body the first mebibyte counts, and its length where it is said.
 *
 * @param body - What is known of it already, since the payment is bound to it.
 */
export async function fingerprintOf(request: RequestHead, body: Uint8Array | null): Promise<string> {
  const { method, url, headers } = request
  const hash = sha256.create().update(utf8(`${method} ${url.pathname}${url.search}\n`))
  if (body !== null) return toHex(hash.update(body).digest())
  const copy = method === 'GET' || method === 'HEAD' ? null : request.toRequest().clone().body
  if (copy === null) return toHex(hash.digest())
  const { bytes, isWhole } = await readStart(copy, MAX_READ)
  hash.update(bytes)
  if (!isWhole) hash.update(utf8(`\n${headers.get('content-length')}`))
  return toHex(hash.digest())
}

/** A key belongs to its payer: nobody can have the answer of another by guessing keys. */
export function idempotencyOf(key: string, payer: Address, fingerprint: string): Idempotency {
  return { hash: toHex(sha256(utf8(`${payer} ${key}`))), fingerprint }
}
