import { once } from 'node:events'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import type { Grant } from '../../src/index.ts'
import { answers, failures, perform } from '../runtimes/apps/ways.ts'
import type { Adapter, Reply, Served, Visit } from './adapter.ts'
import { listen } from './server.ts'

/** An adapter for handlers that return a `Response`. */
export function webAdapter(serve: Adapter['serve']): Adapter {
  return { ways: Object.keys(answers), failures: Object.keys(failures), serve }
}

/** A handler of the contract as one of the Web. */
export function webHandler(
  handler: (visit: Visit) => Promise<Reply>,
): (request: Request, grant: Grant) => Promise<Response> {
  return async (request, grant) => {
    async function* body(): AsyncGenerator<Uint8Array> {
      if (request.body) yield* request.body
    }
    const reply = await handler({ grant, gone: once(request.signal, 'abort'), body })
    return toResponse(reply)
  }
}

function toResponse({ way, status = 200, headers = [], body = '' }: Reply): Response | Promise<Response> {
  const stream = typeof body === 'string' ? body : streamOf(body)
  return perform({ way, status, headers, body: stream }, 'data:text/plain,hello')
}

function streamOf(texts: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const source = texts[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) controller.close()
      else controller.enqueue(Buffer.from(value))
    },
    async cancel() {
      await source.return?.()
    },
  })
}

/** Serves a handler of the Web on Node, by the same bridge that Express uses. */
export function serveWeb(
  handle: (request: Request, address: string | undefined) => Response | Promise<Response>,
): Promise<Served> {
  return listen(async (req, res) => {
    const request = toRequest(req, res)
    const answering = request instanceof Response ? request : handle(request, req.socket.remoteAddress)
    const response = await Promise.resolve(answering).catch(() => new Response(null, { status: 500 }))
    await sendResponse(response, res)
  })
}
