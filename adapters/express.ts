import type { IncomingMessage, ServerResponse } from 'node:http'
import onHeaders from 'on-headers'
import type { Coffer, GrantedPayment, GrantedWallet, Next, RouteOptions } from '../src/index.ts'
import { restoreBody, sendResponse, toRequest } from './node.ts'

declare global {
  namespace Express {
    // Optional, because Express has one type for all requests and only those behind paid() have these.
    interface Request {
      /** The payment that let this request in; set behind {@link paid}. */
      payment?: GrantedPayment
      /** The seller's wallet that was paid; set behind {@link paid}. */
      wallet?: GrantedWallet
    }
  }
}

/**
 * A middleware for Express 4 and 5, typed by what it needs of a request. So it says nothing about `req.params` or
 * `res.locals`, and the handlers after it keep the types that Express infers for their path.
 */
export type PaidMiddleware = (
  req: IncomingMessage & { payment?: GrantedPayment; wallet?: GrantedWallet },
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Puts a price on a route. Behind it, `req.payment` and `req.wallet` are set, and the answer gets its receipts whichever
 * way the handler gives it. An error, or a status of 400 or above, leaves the payment owed: the same credential runs the
 * handler again. So does a client that is gone before the answer begins.
 *
 * ```ts
 * app.get('/report', paid(coffer, { price: '0.05' }), (req, res) => res.json(report(req.payment!.payer)))
 * ```
 *
 * Works before and after body parsers. With `bindBody`, mount it before them to bind the bytes as they were sent; after
 * them it binds the parsed body, written as JSON.
 *
 * @throws CofferError `invalid-option` for bad route options, at once.
 */
export function paid(coffer: Coffer, options: RouteOptions): PaidMiddleware {
  coffer.check(options)
  return (req, res, next) => {
    decide(req, res)
      .then(async (outcome) => {
        if (outcome instanceof Response) return sendResponse(outcome, res)
        if (res.destroyed) return outcome.abandon()
        req.payment = outcome.grant.payment
        req.wallet = outcome.grant.wallet
        passThrough(outcome, res, next)
        next()
      })
      .catch(next)
  }

  async function decide(req: IncomingMessage, res: ServerResponse): Promise<Response | Next> {
    const request = toRequest(req, res)
    if (request instanceof Response) return request
    const { remoteAddress } = req.socket
    const outcome = await coffer.handle(
      request,
      options,
      remoteAddress === undefined ? {} : { address: remoteAddress },
    )
    if ('grant' in outcome && outcome.request !== request) await restoreBody(req, outcome.request)
    return outcome
  }
}

/**
 * Lets the answer through as the handler gives it. Only the head is touched, when it is final, and only the end waits
 * until the outcome is stored: a client that has the whole answer must not be told that its payment is in flight, and
 * a platform that freezes the process after the answer must not freeze the record.
 */
function passThrough(paid: Next, res: ServerResponse, next: (error: unknown) => void): void {
  const { write, end } = res
  let isOpen = true
  let recording: Promise<void> | null = null

  onHeaders(res, () => {
    if (!isOpen) return
    isOpen = false
    const { set, recorded } = paid.conclude(res.statusCode, { get: (name) => fieldOf(res, name) })
    for (const [name, value] of set) res.setHeader(name, value)
    recording = recorded.then((isOurs) => {
      recording = null
      if (!isOurs) res.destroy()
    })
  })
  res.once('close', () => {
    if (!isOpen) return
    isOpen = false
    paid.abandon().catch(next)
  })

  res.end = (...args: unknown[]) => {
    if (!res.headersSent) writeHead(res, args)
    // What a handler wrongly sends after the end queues up behind it, and fails there as it always does.
    if (recording !== null) res.write = afterRecording(write, false)
    return afterRecording(end, res)(...args)
  }

  function afterRecording<Result>(method: typeof write | typeof end, result: Result) {
    return (...args: unknown[]): Result => {
      if (recording === null) return Reflect.apply(method, res, args)
      recording.then(() => Reflect.apply(method, res, args)).catch(next)
      return result
    }
  }
}

/** Writes the head that `end` would write. Only `end` knows that it has the whole body; so its length is said here. */
function writeHead(res: ServerResponse, [chunk, encoding]: readonly unknown[]): void {
  const isFramed = ['content-length', 'transfer-encoding', 'trailer'].some((name) => res.hasHeader(name))
  const hasBody = res.req.method !== 'HEAD' && res.statusCode !== 204 && res.statusCode !== 304
  if (hasBody && !isFramed) res.setHeader('content-length', lengthOf(chunk, encoding))
  res.writeHead(res.statusCode)
}

/** Throws before anything is concluded what `end` would throw after it. */
function lengthOf(chunk: unknown, encoding: unknown): number {
  if (chunk === undefined || chunk === null || typeof chunk === 'function') return 0
  if (chunk instanceof Uint8Array) return chunk.length
  if (typeof chunk !== 'string') throw new TypeError(`end() takes text or bytes, not ${typeof chunk}`)
  const isNamed = typeof encoding === 'string' && Buffer.isEncoding(encoding)
  return Buffer.byteLength(chunk, isNamed ? encoding : 'utf8')
}

/** A field of the answer as one text; `null` when it has none of that name. */
function fieldOf(res: ServerResponse, name: string): string | null {
  const value = res.getHeader(name)
  return value === undefined ? null : [value].flat().join(', ')
}
