import type { RequestListener } from 'node:http'
import type { RequestHandler } from 'express'
import type { MiddlewareHandler } from 'hono'
import type { Hex } from 'viem'
import * as terms from '../terms.ts'

/** A way to be paid. */
export type Way = 'x402' | 'tempo' | 'evm'

/** How a shop is set up; JSON, told to its process. */
export interface ShopSetup {
  /** Who asks for the money; `bare` asks for none. */
  readonly who: 'bare' | 'coffer' | 'x402' | 'mppx'
  readonly server: 'express' | 'hono' | 'node'
  /** Ways to pay, one or all; `session`: x402, once for many requests. */
  readonly takes: Way | 'all' | 'session'
  /** Where the money goes, and what moves it. Default: {@link NO_TILL}. */
  readonly till?: Till
}

/** Where a shop is paid. */
export interface Till {
  readonly seller: Hex
  /** RPC endpoints. */
  readonly evm: string
  readonly tempo: string
  /** Who submits what payers sign on the EVM chain: an account of the shop's own, or a facilitator. */
  readonly settle: { readonly key: Hex } | { readonly facilitator: string }
}

/** For shops that only ask for money. */
export const NO_TILL: Till = {
  seller: terms.SELLER,
  evm: terms.NOWHERE,
  tempo: terms.NOWHERE,
  settle: { facilitator: terms.NOWHERE },
}

/** What a shop's process says when it is open. */
export interface OpenShop {
  readonly url: string
  /** Fields of a request that has paid already, where there are sessions. */
  readonly session: Readonly<Record<string, string>> | null
}

/** Somebody's middlewares, which stand before the same handlers. */
export interface Gates {
  express(): RequestHandler
  hono(): MiddlewareHandler
  /** Bare `node:http`, where they need no framework. */
  node?(handler: RequestListener): RequestListener
  readonly session?: Readonly<Record<string, string>>
}
