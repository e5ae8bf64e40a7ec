/** The one bridge between Node's messages and the Web's. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CofferError } from '../src/index.ts'
import { mergeFields } from './merge-fields.ts'

/** A Node request as frameworks hand it on. */
export interface NodeRequest extends IncomingMessage {
  /** Request target before a router cut its mount path off `url` (Express, Connect). */
  readonly originalUrl?: string
  /** What a body parser made of the body. */
  readonly body?: unknown
}

/** A name or an address, and perhaps a port (RFC 9110 section 7.2). Two Host fields joined do not match. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/**
 * Reads a Node request as a Web request: absolute URL, every header field, and a signal that aborts when the
 * client goes away before `res` is finished. The body stays unread until somebody reads it; {@link
 * restoreBody} then gives it back to the Node request. A body that a parser has consumed is written anew from
 * what the parser made of it.
 *
 * @returns The request, or the 400 for one that has no URL or no form on the Web.
 */
export function toRequest(req: NodeRequest, res: ServerResponse): Request | Response {
  const gone = new AbortController()
  res.once('close', () => {
    if (!res.writableFinished) gone.abort()
  })
  try {
    const headers = new Headers()
    for (let at = 0; at < req.rawHeaders.length; at += 2) {
      headers.append(String(req.rawHeaders[at]), String(req.rawHeaders[at + 1]))
    }
    const body = bodyOf(req)
    return new Request(urlOf(req, headers.get('host')), {
      headers,
      signal: gone.signal,
      ...(req.method !== undefined && { method: req.method }),
      ...(body !== null && { body, duplex: 'half' }),
    })
  } catch {
    return badRequest()
  }
}

/**
 * Puts a body back of which a copy was read through {@link toRequest}, so that parsers and handlers find it in `req`.
 */
export async function restoreBody(req: IncomingMessage, read: Request): Promise<void> {
  if (req.readableEnded || !req.readableDidRead) return
  const bytes = Buffer.from(await read.arrayBuffer())
  if (bytes.length > 0) req.unshift(bytes)
}

/**
 * Sends a Web response, as fast as the client takes it. What earlier middleware decided about cookies and
 * CORS stands. Resolves when all is written or the client is gone; rejects when the body fails, which ends the
 * connection. A body that fails with an `AbortError` has given up the client: that ends the connection, too, and is nobody's
 * mistake.
 */
export function sendResponse(response: Response, res: ServerResponse): Promise<void> {
  // A body may go on for hours: of its response nothing else is kept.
  return sendHead(response, res).then((body) => sendRest(body, res))
}

/** Sends everything but the body; returns the body, unless there is none to send. */
async function sendHead(
  response: Response,
  res: ServerResponse,
): Promise<ReadableStreamDefaultReader<Uint8Array> | null> {
  const isEmpty = response.body === null || res.req.method === 'HEAD'
  if (isEmpty || res.destroyed) await response.body?.cancel()
  if (res.destroyed) return null
  if (response.statusText !== '') res.statusMessage = response.statusText
  const fields = mergeFields(fieldsOf(res), response.headers)
  for (const name of response.headers.keys()) {
    res.setHeader(name, name === 'set-cookie' ? fields.getSetCookie() : (fields.get(name) ?? ''))
  }
  res.writeHead(response.status)
  return isEmpty ? null : (response.body?.getReader() ?? null)
}

async function sendRest(
  body: ReadableStreamDefaultReader<Uint8Array> | null,
  res: ServerResponse,
): Promise<void> {
  if (body !== null) await sendBody(body, res)
  if (res.destroyed) return
  res.end()
  skipBody(res.req)
}

/**
 * Lets what is left of a request pass, so that its connection can be used again. Node does so by itself, but for requests
 * that somebody has begun to read.
 */
function skipBody(req: IncomingMessage): void {
  if (req.readableEnded) return
  // Not `resume()`: that does nothing as long as somebody waits for `readable`.
  req.on('readable', () => req.read())
  req.read()
}

/** As `stream.pipeline` would, with fewer listeners: the handler may have taken most of the ten that Node allows. */
async function sendBody(body: ReadableStreamDefaultReader<Uint8Array>, res: ServerResponse): Promise<void> {
  let goOn = (): void => {}
  res.on('drain', () => goOn())
  res.once('close', () => {
    goOn()
    body.cancel().catch(() => {})
  })
  // While we wait for the client, nobody reads.
  body.closed.catch(() => res.destroy())
  try {
    for (let next = await body.read(); !next.done; next = await body.read()) {
      if (res.write(next.value) || res.destroyed) continue
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    }
  } catch (error) {
    res.destroy()
    if (!(error instanceof DOMException && error.name === 'AbortError')) throw error
  }
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

/** The text is joined and not resolved, because `new URL('//elsewhere/', base)` is elsewhere. */
function urlOf(req: NodeRequest, host: string | null): URL {
  const target = req.originalUrl ?? req.url ?? ''
  if (/^https?:\/\//i.test(target)) return new URL(target)
  if (!target.startsWith('/') || host === null || !HOST.test(host)) throw new TypeError('no URL')
  return new URL(`${'encrypted' in req.socket ? 'https' : 'http'}://${host}${target}`)
}

function bodyOf(req: NodeRequest): ReadableStream<Uint8Array> | null {
  if (req.method === 'GET' || req.method === 'HEAD') return null
  const { 'transfer-encoding': coding, 'content-length': length } = req.headers
  if (coding === undefined && !(Number(length) > 0)) return null
  return toWebStream(req.readableEnded ? parsedBody(req) : unreadBody(req))
}

/**
 * Takes just what is buffered: a plain `read()` would let `req` emit `end`, after which nothing can be put
 * back. Never more than the high-water mark: Node would raise it, and buffer more and more of what comes.
 */
async function* unreadBody(req: IncomingMessage): AsyncGenerator<Uint8Array> {
  for (;;) {
    if (req.readableLength > 0) yield req.read(Math.min(req.readableLength, req.readableHighWaterMark))
    else if (req.complete) return
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

/** The fields that a response has so far. */
export function fieldsOf(res: ServerResponse): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(res.getHeaders())) {
    for (const each of [value ?? []].flat()) headers.append(name, String(each))
  }
  return headers
}

function badRequest(): Response {
  const problem = {
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: 'The request has no valid URL.',
  }
  const headers = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  return Response.json({ ...problem, code: 'bad-request' }, { status: 400, headers })
}
