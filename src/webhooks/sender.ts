import { lookup as systemLookup } from 'node:dns/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIPv6, type LookupFunction } from 'node:net'
import { type AddressGuard, literalAddress } from './address-guard.ts'
import type { Answer, Post, Sender } from './post.ts'

/** What a {@link createSender} stands on. */
export interface SenderOptions {
  readonly guard: AddressGuard
  /** All addresses of a name. Default: the system's resolver. */
  readonly resolve?: (name: string) => Promise<readonly string[]>
}

/**
 * The sender for Node, Bun and Deno. Every address of a name is checked, and the connection is made to the checked ones:
 * a name that resolves to another address a moment later gains nothing. One connection for each message, straight to
 * the endpoint: no pool, no proxy, no redirects.
 */
export function createSender({ guard, resolve = resolveBySystem }: SenderOptions): Sender {
  async function addressesOf(hostname: string): Promise<readonly string[]> {
    if (!guard.allowsHost(hostname)) throw new Error('the host is not on the public Internet')
    // A literal is never looked up, so the check of the host was the check of the address.
    const literal = literalAddress(hostname)
    if (literal !== null) return [literal]
    const addresses = await resolve(hostname)
    if (addresses.length === 0) throw new Error('the host has no address')
    if (!addresses.every(guard.allowsAddress)) throw new Error('the host has an address that is not public')
    return addresses
  }

  return async (message) => {
    const url = new URL(message.url)
    const addresses = await addressesOf(url.hostname)
    message.signal.throwIfAborted()
    return exchange(url, addresses, message)
  }
}

function exchange(url: URL, addresses: readonly string[], { headers, body, signal }: Post): Promise<Answer> {
  const literal = literalAddress(url.hostname)
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent = request({
      method: 'POST',
      hostname: literal ?? url.hostname,
      port: url.port,
      path: url.pathname + url.search,
      headers: { ...headers, host: url.host, 'content-length': new TextEncoder().encode(body).length },
      // A connection of its own: the shared agent keeps connections, and follows proxies of the environment.
      agent: false,
      lookup: pinned(addresses),
      // Certificates have no root dot, and TLS has no server name for an address (RFC 6066 section 3).
      ...(literal === null && { servername: url.hostname.replace(/\.$/, '') }),
    })
    sent.on('response', (incoming) => {
      const get = (name: string): string | null => String(incoming.headers[name] ?? '') || null
      resolve({ status: incoming.statusCode ?? 0, headers: { get }, body: incoming })
    })
    sent.on('error', reject)
    sent.on('close', () => reject(new Error('the connection was closed without an answer')))
    signal.addEventListener('abort', () => sent.destroy(new Error('aborted')), { once: true })
    sent.end(body)
  })
}

/** Answers with addresses that were checked, whatever the name resolves to by now. */
function pinned(addresses: readonly string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  return (_name, { all }, callback) => {
    queueMicrotask(() =>
      all ? callback(null, entries) : callback(null, entries[0]?.address ?? '', entries[0]?.family),
    )
  }
}

async function resolveBySystem(name: string): Promise<readonly string[]> {
  const found = await systemLookup(name, { all: true })
  return found.map(({ address }) => address)
}
