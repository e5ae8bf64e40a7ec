/** The one bridge between Node's messages and the Web's: requests. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, CofferError, type Fields, type RequestHead } from '../src/index.ts'
import { skipBody } from './node-response.ts'

/** A Node request as frameworks hand it on. */
export interface NodeRequest extends IncomingMessage {
  /** Request target before a router cut its mount path off `url` (Express, Connect). */
  readonly originalUrl?: string
  /** What a body parser made of the body. */
  readonly body?: unknown
}

/** A name or an address, and perhaps a port (RFC 9110 section 7.2). Two Host fields joined do not match. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/** Methods that a `Request` must not have (Fetch section 2.2.1). */
const FORBIDDEN = /^(?:CONNECT|TRACE|TRACK)$/

/**
 * Reads the head of a Node request: absolute URL, fields, and a signal that aborts when the client goes away before `res` is
 * finished. The `Request` is made when somebody asks for it. Its body stays unread until somebody reads it, and can then be put
 * back. A body that a parser has consumed is written anew from what the parser made of it.
 *
 * @returns The head, or the 400 for a request that has no URL or no form on the Web.
 */
export function toHead(req: NodeRequest, res: ServerResponse): NodeRequestHead | Answer {
  const { method = 'GET' } = req
  const url = urlTextOf(req)
  return url === null || FORBIDDEN.test(method) ? BAD_REQUEST : new NodeRequestHead(method, url, req, res)
}

/** A class, because an object literal with a getter costs as much as the rest of the way: one is made for every request. */
class NodeRequestHead implements RequestHead {
  readonly method: string
  readonly headers: Fields
  readonly #urlText: string
  readonly #req: NodeRequest
  readonly #res: ServerResponse
  readonly #read: BodyRead = { chunks: [] }
  #url: URL | undefined
  #signal: AbortSignal | undefined
  #request: Request | undefined

  constructor(method: string, urlText: string, req: NodeRequest, res: ServerResponse) {
    this.method = method
    this.headers = { get: (name) => fieldOf(req, name) }
    this.#urlText = urlText
    this.#req = req
    this.#res = res
  }

  get url(): URL {
    this.#url ??= new URL(this.#urlText)
    return this.#url
  }

  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#res)
    return this.#signal
  }

  toRequest(): Request {
    this.#request ??= makeRequest(this, this.#req, this.#read)
    return this.#request
  }

  /**
   * Puts back what was read of the body, so that parsers and handlers find it in the Node request. Once: what is read later is
   * gone. When nobody wants it, it is skipped behind the answer.
   */
  restoreBody(): void {
    const req = this.#req
    const { chunks } = this.#read
    this.#read.chunks = null
    if (chunks === null || chunks.length === 0 || req.readableEnded) return
    req.unshift(Buffer.concat(chunks))
    this.#res.once('finish', () => {
      const isWanted = ['data', 'readable'].some((event) => req.listenerCount(event) > 0)
      if (!isWanted) skipBody(req)
    })
  }
}

/** What of a body was read; `null` when nobody wants it back. */
interface BodyRead {
  chunks: Uint8Array[] | null
}

/** {@link toHead}, as a whole `Request`; or the 400. */
export function toRequest(req: NodeRequest, res: ServerResponse): Request | Response {
  const head = toHead(req, res)
  if (!('status' in head)) return makeRequest(head, req, { chunks: null })
  const { body, status, fields } = head
  return new Response(body, { status, headers: Object.fromEntries(fields) })
}

function makeRequest({ method, url, signal }: RequestHead, req: NodeRequest, read: BodyRead): Request {
  const headers = new Headers()
  const fields = rawFieldsOf(req)
  for (let at = 0; at < fields.length; at += 2) headers.append(String(fields[at]), String(fields[at + 1]))
  const body = bodyOf(req, read)
  return new Request(url, { method, headers, signal, ...(body !== null && { body, duplex: 'half' }) })
}

function signalOf(res: ServerResponse): AbortSignal {
  const gone = new AbortController()
  const leave = (): void => {
    if (!res.writableFinished) gone.abort()
  }
  if (res.closed) leave()
  else res.once('close', leave)
  return gone.signal
}

/** A stream that asks for nothing until it is read, so that a body which nobody reads stays where it is. */
export function toWebStream(chunks: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    },
    { highWaterMark: 0 },
  )
}

/** A field, those of one name joined. Read where it stands: `headersDistinct` would make a list of every one. */
function fieldOf(req: IncomingMessage, name: string): string | null {
  const wanted = name.toLowerCase()
  const fields = rawFieldsOf(req)
  let value: string | null = null
  for (let at = 0; at < fields.length; at += 2) {
    const each = fields[at] ?? ''
    if (each.length !== wanted.length || each.toLowerCase() !== wanted) continue
    value = value === null ? (fields[at + 1] ?? '') : `${value}, ${fields[at + 1]}`
  }
  return value
}

/** Names and values in turn, as they came. Where no server has read them (Lambda, by serverless-http) there are only parsed ones. */
function rawFieldsOf(req: IncomingMessage): readonly string[] {
  if (req.rawHeaders.length > 0) return req.rawHeaders
  return Object.entries(req.headers).flatMap(([name, value = []]) =>
    [value].flat().flatMap((each) => [name, each]),
  )
}

/**
 * The absolute URL, which is known to be one; `null` when there is none. The text is joined and not resolved, because
 * `new URL('//elsewhere/', base)` is elsewhere.
 */
function urlTextOf(req: NodeRequest): string | null {
  const target = req.originalUrl ?? req.url ?? ''
  if (/^https?:\/\//i.test(target)) {
    const url = URL.parse(target)
    return url === null || url.username !== '' || url.password !== '' ? null : target
  }
  const host = fieldOf(req, 'host') ?? ''
  const origin = `${'encrypted' in req.socket ? 'https' : 'http'}://${host}`
  // Behind a host, no path and no query makes a URL a bad one.
  return target.startsWith('/') && HOST.test(host) && URL.canParse(origin) ? origin + target : null
}

function bodyOf(req: NodeRequest, read: BodyRead): ReadableStream<Uint8Array> | null {
  if (req.method === 'GET' || req.method === 'HEAD') return null
  const { 'transfer-encoding': coding, 'content-length': length } = req.headers
  if (coding === undefined && !(Number(length) > 0)) return null
  return toWebStream(req.readableEnded ? parsedBody(req) : unreadBody(req, read))
}

/**
 * Takes just what is buffered: a plain `read()` would let `req` emit `end`, after which nothing can be put
 * back. Never more than the high-water mark: Node would raise it, and buffer more and more of what comes.
 */
async function* unreadBody(req: IncomingMessage, read: BodyRead): AsyncGenerator<Uint8Array> {
  for (;;) {
    if (req.readableLength > 0) {
      const chunk = req.read(Math.min(req.readableLength, req.readableHighWaterMark))
      read.chunks?.push(chunk)
      yield chunk
    } else if (req.complete) return
    else if (req.destroyed) throw new Error('The client went away.')
    else await once(req, 'readable')
  }
}

/** The body as its parser understood it, which is what the handler acts on. */
async function* parsedBody({ body, headers }: NodeRequest): AsyncGenerator<Uint8Array> {
  if (body === undefined || headers['content-type']?.startsWith('multipart/')) {
    throw new CofferError(
      'invalid-state',
      'the body was consumed before paid() could read it: mount paid() first',
    )
  }
  yield body instanceof Uint8Array
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

const BAD_REQUEST: Answer = {
  status: 400,
  fields: [
    ['content-type', 'application/problem+json'],
    ['cache-control', 'no-store'],
  ],
  body: JSON.stringify({
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: 'The request has no valid URL.',
    code: 'bad-request',
  }),
}
