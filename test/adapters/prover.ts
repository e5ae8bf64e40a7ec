import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { describe as Describe, expect as Expect, it as It } from 'vitest'
import type { RouteOptions } from '../../src/index.ts'
import { createSeller, type Script } from '../gate/scripted.ts'
import type { Adapter, Reply, Visit } from './adapter.ts'

/** The parts of a test runner that the contract needs. */
export interface AdapterRunner {
  readonly describe: typeof Describe
  readonly it: typeof It
  readonly expect: typeof Expect
}

/** How the parts of the contract state a test. */
export interface Prover extends AdapterRunner {
  readonly adapter: Adapter
  /**
   * Opens a shop behind the adapter, with a handler that is told the number of its run, for as long as `use`
   * takes.
   */
  serving(
    handler: (visit: Visit, run: number) => Promise<Reply> | Reply,
    use: (shop: Shop) => Promise<void>,
    options?: ShopOptions,
  ): Promise<void>
}

/** Options of the seller, and of its one route. */
export type ShopOptions = Parameters<typeof createSeller>[0] & { readonly route?: RouteOptions }

/** A client of the seller under test, and its counts. */
export interface Shop {
  /** Calls the paid route with a credential, or without. */
  call(credential: string | null, init?: RequestInit): Promise<Response>
  /** Calls it with a credential, as a client that is going to leave. */
  visit(credential: string, headers?: Readonly<Record<string, string>>): Guest
  /** What the payment protocol says; may be changed. */
  readonly script: Script
  /** Moves the clock. */
  advance(ms: number): void
  /** How often the handler ran. */
  runs(): number
  /** How often money moved. */
  settlements(): number
}

/** A client that goes away when it wants to. */
export interface Guest {
  /** Rejects when it leaves before that. */
  readonly answer: Promise<IncomingMessage>
  leave(): void
}

/** What every route of the contract costs. */
export const ROUTE: RouteOptions = { price: '0.01' }

/** Binds a runner and an adapter to the parts of the contract. */
export function createProver(runner: AdapterRunner, adapter: Adapter): Prover {
  return {
    ...runner,
    adapter,
    async serving(handler, use, { route = ROUTE, ...options } = {}) {
      const seller = createSeller(options)
      const { script, advance } = seller
      let runs = 0
      const served = await adapter.serve(seller, route, async (visit) => handler(visit, ++runs))
      const call: Shop['call'] = (credential, init = {}) => {
        const headers = new Headers(init.headers)
        for (const [name, value] of Object.entries(served.headers ?? {})) headers.set(name, value)
        if (credential !== null) headers.set('x-scripted', credential)
        return fetch(`${served.url}/report?q=1`, { redirect: 'manual', ...init, headers })
      }
      const visit: Shop['visit'] = (credential, headers = {}) => {
        const fields = { ...headers, ...served.headers, 'x-scripted': credential }
        const asking = request(`${served.url}/report?q=1`, { headers: fields }).on('error', () => {})
        const answer = once(asking.end(), 'response').then(([message]) => message)
        answer.catch(() => {})
        const mustReset =
          adapter.deviations?.['notices only clients that reset their connection'] !== undefined
        return { answer, leave: () => (mustReset ? asking.socket?.resetAndDestroy() : asking.destroy()) }
      }
      const settlements = () => script.calls.filter((name) => name === 'settle').length
      await use({ call, visit, script, advance, runs: () => runs, settlements }).finally(served.close)
    },
  }
}

/** A POST whose body is sent chunked. */
export function streaming(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): RequestInit & { duplex: 'half' } {
  const body = (async function* () {
    yield* chunks
  })()
  const stream = new ReadableStream({
    async pull(controller) {
      const { done, value } = await body.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
  return { method: 'POST', body: stream, duplex: 'half' }
}

/** The text of an answer, as it comes. */
export async function* textOf(response: Response): AsyncGenerator<string> {
  if (response.body) yield* response.body.pipeThrough(new TextDecoderStream())
}
