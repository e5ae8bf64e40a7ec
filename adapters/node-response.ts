/** The one bridge between Node's messages and the Web's: responses. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../src/index.ts'
import { joinFields, mergeField, mergeFields } from './merge-fields.ts'

/** Sends an answer that is all there. What earlier middleware decided about CORS stands. */
export function sendAnswer({ status, fields, body }: Answer, res: ServerResponse): void {
  if (res.destroyed) return
  res.statusCode = status
  for (const [name, value] of joinFields(fields)) {
    const merged = mergeField(name, earlierValue(res, name), value)
    if (merged !== null) res.setHeader(name, merged)
  }
  res.end(body)
  skipBody(res.req)
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
export function skipBody(req: IncomingMessage): void {
  if (req.readableEnded || (req.complete && req.readableLength === 0)) return
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

/** The fields that a response has so far, read where they are. */
export function headersOf(res: ServerResponse): Pick<Headers, 'get' | 'entries'> {
  return { get: (name) => earlierValue(res, name), entries: () => fieldsOf(res).entries() }
}

function earlierValue(res: ServerResponse, name: string): string | null {
  const value = res.getHeader(name)
  return value === undefined ? null : Array.isArray(value) ? value.join(', ') : String(value)
}

/** The fields that a response has so far. */
export function fieldsOf(res: ServerResponse): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(res.getHeaders())) {
    for (const each of [value ?? []].flat()) headers.append(name, String(each))
  }
  return headers
}
