import { sha256 } from '@noble/hashes/sha2.js'
import { encodeBase64 } from '../lib/base64.ts'
import { readBytes } from '../lib/body.ts'
import { utf8 } from '../lib/bytes.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import type { Charge } from '../protocols/protocol.ts'
import type { RequestHead } from './request-head.ts'
import type { Route } from './route.ts'
import type { Settings } from './settings.ts'

/** Longest request target that stands in a challenge as it is; longer ones stand as their hash. */
const MAX_TARGET = 256

/** What a request has to pay. */
export interface ChargedRequest {
  readonly charge: Charge
  /** The body, when it had to be read. */
  readonly body: Uint8Array | null
}

/**
 * Applies a route's options to a request.
 *
 * @param readLimit - Most bytes of body to read, because the route or the client binds the request to it; `null` when
 * nobody does. Either way the handler finds the body unread in the request.
 */
export async function createCharge(
  request: RequestHead,
  route: Route,
  settings: Settings,
  readLimit: number | null,
): Promise<ChargedRequest | Refusal> {
  const read = readLimit === null ? null : await readBody(request.toRequest(), readLimit)
  if (read !== null && 'kind' in read) return read
  const body = read?.bytes ?? null
  const { pathname, search, origin, hostname } = request.url
  const target = pathname + search
  const price = typeof route.price === 'function' ? await route.price(request.toRequest()) : route.price
  const charge: Charge = {
    price,
    recipient: route.wallet.recipient,
    url: (settings.publicOrigin ?? origin) + target,
    route: `${request.method === 'HEAD' ? 'GET' : request.method} ${shorten(target)}`,
    realm:
      settings.realm ?? (settings.publicOrigin === null ? hostname : new URL(settings.publicOrigin).hostname),
    description: route.description,
    digest: body && route.bindBody !== null ? `sha-256=:${encodeBase64(sha256(body))}:` : null,
    settlesLater: route.settle !== 'before',
    requireKey: route.requireIdempotency,
    ttl: settings.challengeTtl,
    expiresAt: settings.clock() + settings.challengeTtl * 1000,
  }
  return { charge, body }
}

function shorten(target: string): string {
  if (target.length <= MAX_TARGET) return target
  return `sha-256:${encodeBase64(sha256(utf8(target)))}`
}

/**
 * Reads a body that the request is bound to, from a copy: the request stays what its server made it, with all that it has
 * beside the Web's. `null` when there is none.
 */
async function readBody(
  request: Request,
  maxBytes: number,
): Promise<{ bytes: Uint8Array<ArrayBuffer> } | Refusal | null> {
  if (request.body === null) return null
  const isAnnounced = Number(request.headers.get('content-length')) > maxBytes
  const copy = isAnnounced ? null : request.clone().body
  const bytes = copy && (await readBytes(copy, maxBytes))
  if (bytes !== null) return { bytes }
  await request.body.cancel().catch(() => {})
  return refuse('body-too-large', `The body is larger than ${maxBytes} bytes.`, {
    expected: `at most ${maxBytes} bytes`,
  })
}
