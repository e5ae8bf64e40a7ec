import type { Coffer, Grant, RouteOptions } from '../../src/index.ts'

/** What a handler sees, whatever the framework calls it. */
export interface Visit {
  readonly grant: Grant
  /** The request's body, as the framework streams it to a handler. */
  body(): AsyncIterable<Uint8Array>
  /** Resolves when the client went away. */
  readonly gone: Promise<unknown>
}

/** What a handler answers, whatever the framework calls it. */
export interface Reply {
  /** Default 200. */
  readonly status?: number
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Default empty. A stream is sent as it comes. */
  readonly body?: string | AsyncIterable<string>
  /**
   * One of the adapter's {@link Adapter.ways} or {@link Adapter.failures}, which then decide status and body.
   */
  readonly way?: string
}

/** A running server with one paid route for all methods and paths. */
export interface Served {
  readonly url: string
  close(): Promise<void>
}

/** An adapter, with a framework around it. */
export interface Adapter {
  /** Every way in which a handler can answer `hello`, or with an empty body. */
  readonly ways: readonly string[]
  /** Every way in which a handler can fail. */
  readonly failures: readonly string[]
  serve(coffer: Coffer, options: RouteOptions, handler: (visit: Visit) => Promise<Reply>): Promise<Served>
}
