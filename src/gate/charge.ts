import { sha256 } from '@noble/hashes/sha2'
import { encodeBase64 } from '../lib/base64.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import type { Charge } from '../protocols/protocol.ts'
import type { Route, Settings } from './settings.ts'

/** Longest request target that stands in a challenge as it is; longer ones stand as their hash. */
const MAX_TARGET = 256

/** A request with what it has to pay. */
export interface ChargedRequest {
  /** The request to hand on: a copy when the body had to be read. */
  readonly request: Request
  readonly charge: Charge
}

/** Applies a route's options to a request. */
export async function createCharge(
  request: Request,
  route: Route,
  settings: Settings,
): Promise<ChargedRequest | Refusal> {
  const body = route.bindBody === null ? null : await readBody(request, route.bindBody)
  if (body !== null && 'kind' in body) return body
  const { pathname, search, origin, host } = new URL(request.url)
  const target = pathname + search
  const price = typeof route.price === 'function' ? await route.price(request) : route.price
  const charge: Charge = {
    price,
    recipient: route.wallet.recipient,
    url: (settings.publicOrigin ?? origin) + target,
    route: `${request.method === 'HEAD' ? 'GET' : request.method} ${shorten(target)}`,
    realm: settings.realm ?? (settings.publicOrigin === null ? host : new URL(settings.publicOrigin).host),
    description: route.description,
    digest: body && `sha-256=:${encodeBase64(sha256(body.bytes))}:`,
    ttl: settings.challengeTtl,
    expiresAt: settings.clock() + settings.challengeTtl * 1000,
  }
  return { request: body ? new Request(request, { body: body.bytes }) : request, charge }
}

function shorten(target: string): string {
  if (target.length <= MAX_TARGET) return target
  return `sha-256:${encodeBase64(sha256(new TextEncoder().encode(target)))}`
}

/** Reads a body up to a limit, so that its digest can be bound. `null` when there is none. */
async function readBody(
  request: Request,
  maxBytes: number,
): Promise<{ bytes: Uint8Array<ArrayBuffer> } | Refusal | null> {
  if (request.body === null) return null
  const tooLarge = refuse('body-too-large', `The body is larger than ${maxBytes} bytes.`, {
    expected: `at most ${maxBytes} bytes`,
  })
  if (Number(request.headers.get('content-length')) > maxBytes) return tooLarge
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body) {
    length += chunk.length
    if (length > maxBytes) return tooLarge
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return { bytes }
}
