import type { JsonObject } from '../lib/json.ts'
import type { Offer } from '../protocols/protocol.ts'
import type { Method } from './route.ts'

/** What a service tells of itself before any request. */
export interface Discovery {
  readonly title: string
  readonly version: string
  readonly routes: readonly PricedRoute[]
}

/** A route that is paid for. */
export interface PricedRoute {
  readonly method: Method
  /** As OpenAPI writes it, with parameters in braces. */
  readonly path: string
  readonly summary: string | null
  readonly description: string | null
  /** US dollars; `null` when it depends on the request. */
  readonly price: string | null
  /** Ways to pay; of no amount when the price depends on the request. */
  readonly offers: readonly Offer[]
  /** Further members of its OpenAPI operation. */
  readonly operation: JsonObject
}
