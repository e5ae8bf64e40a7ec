import { keccak_256 } from '@noble/hashes/sha3.js'
import { encodeBase64 } from '../lib/base64.ts'
import { readBytes } from '../lib/body.ts'
import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import type { HeaderField } from '../lib/message.ts'
import { invalidOption } from '../problems/error.ts'

/** A request of the caller's that can be sent as often as it takes. */
export interface Outgoing {
  /** What the caller gave. Kept, because on Node a `Request` follows its signal only for as long as somebody has it. */
  readonly input: RequestInfo | URL
  /** Without its fragment. */
  readonly url: URL
  readonly method: string
  /** Fields of the caller's. */
  readonly headers: Headers
  readonly body: Blob | null
  /** Ends everything, when the caller wants that. */
  readonly signal: AbortSignal
  /** Hash of method, URL and body: what the same request has again. */
  readonly fingerprint: string
  /** SHA-256 of the body in base64, as a `Content-Digest` has it (RFC 9530). */
  digest(): Promise<string>
  /** Sends it as the caller wants it, redirects included. */
  send(): Promise<Response>
  /** Sends it with a credential. No redirect is followed, because the credential would go with it. */
  sendWith(fields: readonly HeaderField[], options?: SendOptions): Promise<Response>
}

/** How one sending of a request differs from the next. */
export interface SendOptions {
  /** Where to, when that is not its own URL. */
  readonly to?: URL
  /** Ends this sending. */
  readonly signal?: AbortSignal
}

/** What {@link createOutgoing} stands on. */
export interface OutgoingOptions {
  readonly fetch: typeof globalThis.fetch
  /** Longest body that is kept in memory. One that is given as a `Blob` may be longer, since it can be read again. */
  readonly maxBodyBytes: number
}

/**
 * Reads a request. Its body may be needed more than once, so a stream is read to its end before anything is sent.
 *
 * @throws CofferError `invalid-option` for a stream that is longer than `maxBodyBytes`.
 */
export async function createOutgoing(
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  { fetch, maxBodyBytes }: OutgoingOptions,
): Promise<Outgoing> {
  const template = new Request(input, init)
  const { method, headers } = template
  const signal = init?.signal ?? (input instanceof Request ? input : template).signal
  const url = new URL(template.url)
  url.hash = ''
  const given = init?.body ?? (input instanceof Request ? input.body : null)
  // Only streams may take their time.
  const until = given instanceof ReadableStream ? signal : null
  const body = given instanceof Blob ? given : await readBody(template, maxBodyBytes, until)
  const hash = keccak_256.create().update(utf8(`${method} ${url.href}\n`))
  if (body !== null) for await (const chunk of body.stream()) hash.update(chunk)
  const fingerprint = toHex(hash.digest()).slice(2)

  function request(more: RequestInit): Request {
    return new Request(template, { headers, ...(body !== null && { body }), ...more })
  }

  return {
    input,
    url,
    method,
    headers,
    body,
    signal,
    fingerprint,
    async digest() {
      const bytes = (await body?.arrayBuffer()) ?? new ArrayBuffer(0)
      return encodeBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
    },
    // With its signal beside it: nobody has the request when it is on its way.
    send: () => fetch(request({}), { signal }),
    sendWith(fields, { to, signal: ends } = {}) {
      const all = new Headers(headers)
      for (const [name, value] of fields) all.set(name, value)
      const either = ends === undefined ? signal : AbortSignal.any([signal, ends])
      const paying = request({ headers: all, redirect: 'manual', signal: either })
      // A copy for another URL would lose the length of its body.
      const sent = to === undefined || to.href === url.href ? paying : new Request(to, paying)
      return fetch(sent, { signal: either })
    },
  }
}

async function readBody(
  request: Request,
  maxBytes: number,
  signal: AbortSignal | null,
): Promise<Blob | null> {
  const { body }: { readonly body?: Request['body'] } = request
  if (body === null) return null
  // Firefox has no streams of requests.
  const bytes =
    body === undefined
      ? new Uint8Array(await request.arrayBuffer())
      : await readBytes(signal ? body.pipeThrough(new TransformStream(), { signal }) : body, maxBytes)
  if (bytes === null || bytes.length > maxBytes) {
    return invalidOption(
      'body',
      `at most ${maxBytes} bytes (maxBodyBytes), or a Blob, which can be read again`,
    )
  }
  return bytes.length === 0 && /^(?:GET|HEAD)$/.test(request.method) ? null : new Blob([bytes])
}
