/** What becomes of the answer that a paid handler writes to a Node response, whichever way it writes. */
import type { ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import onHeaders from 'on-headers'
import type { Conclusion, Next } from '../src/index.ts'
import { toWebStream } from './node.ts'
import { fieldsOf, headersOf, sendResponse } from './node-response.ts'

/** Told of what fails when there is nobody left to throw it to. */
type Fail = (error: unknown) => void

/** How the answer of a handler is treated. */
interface Treatment {
  /** Status and fields are final, and not yet sent. */
  begin(): void
  /** The client is gone, or has everything. */
  leave(): void
}

/**
 * Concludes a paid request with whatever is written to `res` from now on; with nothing, when the client
 * leaves first, unless it may come back for the answer.
 */
export function concludeWith(res: ServerResponse, paid: Next, fail: Fail): void {
  const { recorded } = paid
  if (recorded === null) {
    onHeaders(res, () => void conclude(res, paid))
    return
  }
  const treatment = paid.isHeldBack ? holdBack(res, paid, fail) : passThrough(res, paid, recorded, fail)
  let isBegun = false
  onHeaders(res, () => {
    if (res.destroyed && !paid.isKept) return
    isBegun = true
    treatment.begin()
  })
  res.once('close', () => {
    if (paid.isKept && !isBegun) return
    treatment.leave()
    if (!isBegun) paid.abandon().catch(fail)
  })
}

/** Gives the head of an answer what it lacks. Returns where its body goes too. */
function conclude(res: ServerResponse, paid: Next): Conclusion['body'] {
  const { set, body } = paid.conclude(res.statusCode, headersOf(res))
  for (const [name, value] of set) res.setHeader(name, value)
  return body
}

/**
 * Lets the answer through as it is written. Only the head is touched, when it is final, and only the end
 * waits until the outcome is stored: a client that has the whole answer must not be told that its payment is
 * in flight, and a platform that stops the process after the answer must not stop the record.
 */
function passThrough(res: ServerResponse, paid: Next, recorded: Promise<boolean>, fail: Fail): Treatment {
  const { write, end } = res
  let kept: Conclusion['body'] = null
  let recording: Promise<void> | null = null
  let isEnded = false

  override(res, 'write', (...args) => {
    // What a handler wrongly writes after the end queues up behind it, and fails there as it always does.
    if (isEnded) return onceRecorded(write, args, false)
    if (!res.headersSent) res.writeHead(res.statusCode)
    kept?.write(bytesOf(args))
    return Reflect.apply(write, res, args)
  })
  override(res, 'end', (...args) => {
    if (!isEnded) {
      if (!res.headersSent) writeHeadOfWhole(res, args)
      kept?.write(bytesOf(args))
      kept?.end()
      isEnded = true
    }
    return onceRecorded(end, args, res)
  })

  function onceRecorded<Result>(method: typeof write | typeof end, args: unknown[], result: Result): Result {
    if (recording === null) return Reflect.apply(method, res, args)
    recording.then(() => Reflect.apply(method, res, args)).catch(fail)
    return result
  }

  return {
    begin() {
      kept = conclude(res, paid)
      recording = recorded.then((isOurs) => {
        recording = null
        if (!isOurs) res.destroy()
      })
    },
    leave: () => kept?.abort(),
  }
}

/**
 * Sets a method of one response. By definition and not by assignment: V8 takes an assigned function for a constant of all objects
 * like it, and with what the function holds every response then outlives its time.
 */
function override(res: ServerResponse, name: 'write' | 'end', value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(res, name, { configurable: true, writable: true, value })
}

/**
 * Keeps the answer from the wire until the money has moved. Then it goes out, or the problem does in its
 * place.
 */
function holdBack(res: ServerResponse, paid: Next, fail: Fail): Treatment {
  const { writeHead, flushHeaders, write, end } = res
  const earlier = res.getHeaders()
  const body = new PassThrough()
  let isBegun = false

  Object.defineProperty(res, 'headersSent', { configurable: true, get: () => isBegun })
  res.writeHead = () => res
  res.flushHeaders = () => void (isBegun || res.writeHead(res.statusCode))
  res.write = (...args: unknown[]) => {
    bytesOf(args)
    res.flushHeaders()
    return Reflect.apply(body.write, body, args)
  }
  res.end = (...args: unknown[]) => {
    bytesOf(args)
    res.flushHeaders()
    Reflect.apply(body.end, body, args)
    return res
  }
  body.on('drain', () => res.emit('drain'))

  /** Makes the response what it was before the handler had it. */
  function release(): void {
    Object.assign(res, { writeHead, flushHeaders, write, end })
    Reflect.deleteProperty(res, 'headersSent')
    for (const name of res.getHeaderNames()) res.removeHeader(name)
    for (const [name, value] of Object.entries(earlier)) if (value !== undefined) res.setHeader(name, value)
  }

  return {
    begin() {
      isBegun = true
      const isEmpty = res.req.method === 'HEAD' || [204, 205, 304].includes(res.statusCode)
      const stream = isEmpty ? null : toWebStream(body[Symbol.asyncIterator]())
      const response = new Response(stream, { status: res.statusCode, headers: fieldsOf(res) })
      paid
        .finish(response)
        .finally(release)
        .then((answer) => sendResponse(answer, res))
        .catch((error) => res.destroyed || fail(error))
    },
    leave: () => body.destroy(),
  }
}

/**
 * Writes the head that `end` would write. Only `end` knows that it has the whole body, so its length is said
 * here.
 */
function writeHeadOfWhole(res: ServerResponse, args: readonly unknown[]): void {
  const isFramed = ['content-length', 'transfer-encoding', 'trailer'].some((name) => res.hasHeader(name))
  const isEmpty = res.req.method === 'HEAD' || res.statusCode === 204 || res.statusCode === 304
  if (!isFramed && !isEmpty) res.setHeader('content-length', bytesOf(args).length)
  res.writeHead(res.statusCode)
}

/**
 * The bytes in the arguments of `write` and `end`. Throws before the answer begins what these would throw
 * after it.
 */
function bytesOf([chunk, encoding]: readonly unknown[]): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') {
    return Buffer.from(chunk, typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8')
  }
  if (chunk === undefined || chunk === null || typeof chunk === 'function') return new Uint8Array()
  throw new TypeError(`a body is made of text and bytes, not of a ${typeof chunk}`)
}
