import { sha256 } from '@noble/hashes/sha2.js'
import { encodeBase64 } from '../lib/base64.ts'
import { readBytes } from '../lib/body.ts'
import { utf8 } from '../lib/bytes.ts'
import type { Price } from '../payments/amount.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import type { Charge } from '../protocols/protocol.ts'
import type { Caller } from './coffer.ts'
import type { RequestHead } from './request-head.ts'
import type { Route } from './route.ts'
import type { Settings } from './settings.ts'

/** Longest request target that stands in a challenge as it is; longer ones stand as their hash. */
const MAX_TARGET = 256

/**
 * Applies a route's options to a request.
 *
 * @param body - The bytes of the body, when they were read.
 */
export function createCharge(
  { method, url }: RequestHead,
  price: Price,
  body: Uint8Array | null,
  route: Route,
  settings: Settings,
): Charge {
  const target = url.pathname + url.search
  const shown = settings.publicUrl ?? url
  return {
    price,
    recipient: route.wallet.recipient,
    url: shown.origin + target,
    route: `${method === 'HEAD' ? 'GET' : method} ${shorten(target)}`,
    realm: settings.realm ?? shown.hostname,
    description: route.description,
    digest: body && route.bindBody !== null ? `sha-256=:${encodeBase64(sha256(body))}:` : null,
    settlesLater: route.settle !== 'before',
    requireKey: route.requireIdempotency,
    ttl: settings.challengeTtl,
    expiresAt: settings.clock() + settings.challengeTtl * 1000,
  }
}

function shorten(target: string): string {
  if (target.length <= MAX_TARGET) return target
  return `sha-256:${encodeBase64(sha256(utf8(target)))}`
}

/**
 * Reads a body that the request is bound to, from a copy: the request stays what its server made it, with all that it has
 * beside the Web's, and the handler finds the body unread. `null` when there is none.
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  { leavesBody = false }: Caller,
): Promise<Uint8Array | Refusal | null> {
  if (request.body === null) return null
  const isAnnounced = Number(request.headers.get('content-length')) > maxBytes
  const copy = isAnnounced ? null : request.clone().body
  const bytes = copy && (await readBytes(copy, maxBytes))
  if (bytes !== null) return bytes
  if (!leavesBody) request.body.cancel().catch(() => {})
  return refuse('body-too-large', `The body is larger than ${maxBytes} bytes.`, {
    expected: `at most ${maxBytes} bytes`,
  })
}
