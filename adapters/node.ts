/** The one bridge between Node's messages and the Web's. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CofferError } from '../src/index.ts'

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
 * Puts a body that was read through {@link toRequest} back, so that parsers and handlers find it in `req`.
 */
export async function restoreBody(req: IncomingMessage, read: Request): Promise<void> {
  if (req.readableEnded) return
  const bytes = Buffer.from(await read.arrayBuffer())
  if (bytes.length > 0) req.unshift(bytes)
}

/**
 * Sends a Web response, as fast as the client takes it. What earlier middleware decided about cookies and
 * CORS stands. Resolves when all is written or the client is gone; rejects when the body fails, which ends the
 * connection.
 */
export async function sendResponse(response: Response, res: ServerResponse): Promise<void> {
  const isEmpty = response.body === null || res.req.method === 'HEAD'
  if (isEmpty || res.destroyed) await response.body?.cancel()
  if (res.destroyed) return
  if (response.statusText !== '') res.statusMessage = response.statusText
  for (const [name, value] of response.headers) mergeHeader(res, name, value)
  res.writeHead(response.status)
  if (!isEmpty && response.body !== null) await sendBody(response.body.getReader(), res)
  res.end()
}

/** As `stream.pipeline` would, with fewer listeners: the handler may have taken most of the ten that Node allows. */
async function sendBody(body: ReadableStreamDefaultReader<Uint8Array>, res: ServerResponse): Promise<void> {
  let goOn = (): void => {}
  res.on('drain', () => goOn())
  res.once('close', () => {
    goOn()
    body.cancel().catch(() => {})
  })
  try {
    for (let next = await body.read(); !next.done; next = await body.read()) {
      if (res.write(next.value) || res.destroyed) continue
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    }
  } catch (error) {
    res.destroy()
    throw error
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
 * back.
 */
async function* unreadBody(req: IncomingMessage): AsyncGenerator<Uint8Array> {
  for (;;) {
    if (req.readableLength > 0) yield req.read(req.readableLength)
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

/** Lists and cookies add up, other CORS fields are the application's; the rest is the response's. */
function mergeHeader(res: ServerResponse, name: string, value: string): void {
  const own = res.getHeader(name)
  if (own === undefined) res.setHeader(name, value)
  else if (name === 'set-cookie') res.setHeader(name, union([own].flat().map(String), [value]))
  else if (name === 'vary' || name === 'access-control-expose-headers') {
    res.setHeader(name, union(String(own).split(/, */), value.split(/, */)).join(', '))
  } else if (!name.startsWith('access-control-')) res.setHeader(name, value)
}

const union = (some: readonly string[], more: readonly string[]): string[] => [...new Set([...some, ...more])]

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
