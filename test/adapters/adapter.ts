import type { Grant, RouteOptions } from '../../src/index.ts'
import type { Seller } from '../gate/scripted.ts'

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
  /** Fields that each request must have, to reach the route that was meant. */
  readonly headers?: Readonly<Record<string, string>>
  close(): Promise<void>
}

/**
 * What platforms are known to do otherwise: an answer without a content type has one when it comes again; who closes a
 * connection while the handler works is taken for somebody who still listens; handlers are not told who is connected; a
 * client that still sends may be cut off before it has read its answer.
 */
export type Deviation =
  | 'adds a content type to bytes'
  | 'notices only clients that reset their connection'
  | 'does not say who is connected'
  | 'may cut off uploads that are refused'

/** An adapter, with a framework around it. */
export interface Adapter {
  /** Every way in which a handler can answer `hello`, or with an empty body. */
  readonly ways: readonly string[]
  /** Every way in which a handler can fail. */
  readonly failures: readonly string[]
  /** Most of an upload that may wait between client and handler, MiB. Default 16: what sockets and streams hold. */
  readonly uploadRoom?: number
  /** Where the platform does otherwise than the contract says, with the reason. */
  readonly deviations?: Partial<Record<Deviation, string>>
  serve(seller: Seller, route: RouteOptions, handler: (visit: Visit) => Promise<Reply>): Promise<Served>
}
