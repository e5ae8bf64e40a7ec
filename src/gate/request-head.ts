import type { Fields } from '../lib/message.ts'

/**
 * What the gate asks of every request. Servers that have no `Request`, such as Node's, hand this over, and make one when it is
 * wanted: to a price function, or to read a body that the payment is bound to.
 */
export interface RequestHead {
  readonly method: string
  /** Absolute. */
  readonly url: URL
  readonly headers: Fields
  /** Aborts when the client goes away before it has its answer. */
  readonly signal: AbortSignal
  /** The whole request; the same one each time. */
  toRequest(): Request
}

/** The head of a `Request`. */
export class WebRequestHead implements RequestHead {
  readonly method: string
  readonly url: URL
  readonly headers: Fields
  readonly #request: Request

  constructor(request: Request) {
    this.method = request.method
    this.url = new URL(request.url)
    this.headers = request.headers
    this.#request = request
  }

  get signal(): AbortSignal {
    return this.#request.signal
  }

  toRequest(): Request {
    return this.#request
  }
}
