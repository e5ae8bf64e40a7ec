import { once } from 'node:events'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { paid } from '../../adapters/fetch.ts'
import { sendResponse, toRequest } from '../../adapters/node.ts'
import type { Grant } from '../../src/index.ts'
import { createSeller, request } from '../gate/scripted.ts'
import type { Adapter, Reply } from './adapter.ts'
import { adapterContract } from './contract.ts'
import { listen } from './server.ts'

const ROUTE = { price: '0.01' }

const answers: Record<string, () => Response | Promise<Response>> = {
  'a Response with text': () => new Response('hello'),
  'a Response with a stream': () => new Response(new Blob(['hello']).stream()),
  'a Response without body': () => new Response(null, { status: 204 }),
  'Response.json()': () => Response.json('hello'),
  'Response.redirect()': () => Response.redirect('https://elsewhere.test/'),
  'a Response of fetch(), which is immutable': () => fetch('data:text/plain,hello'),
}

const failures: Record<string, () => Response> = {
  'a Response with status 500': () => new Response('no', { status: 500 }),
  'Response.json() with status 400': () => Response.json({}, { status: 400 }),
  throw: () => {
    throw new Error('the handler failed')
  },
}

function toResponse({ way, status = 200, headers = [], body = '' }: Reply): Response | Promise<Response> {
  const answer = way === undefined ? undefined : (answers[way] ?? failures[way])
  if (answer) return answer()
  const fields = headers.map(([name, value]): [string, string] => [name, value])
  return new Response(typeof body === 'string' ? body : streamOf(body), { status, headers: fields })
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

/** The handler behind Node's server, by the same bridge that Express uses. */
const overNode: Adapter = {
  ways: Object.keys(answers),
  failures: Object.keys(failures),
  async serve(coffer, options, handler) {
    const handle = paid(
      coffer,
      options,
      async (request, grant, _address: string | undefined) => {
        const gone = once(request.signal, 'abort')
        async function* body(): AsyncGenerator<Uint8Array> {
          if (request.body) yield* request.body
        }
        return toResponse(await handler({ grant, gone, body }))
      },
      { address: (_, address) => address },
    )
    return listen(async (req, res) => {
      const request = toRequest(req, res)
      const response =
        request instanceof Response
          ? request
          : await handle(request, req.socket.remoteAddress).catch(() => new Response(null, { status: 500 }))
      await sendResponse(response, res)
    })
  },
}

describe('paid() for fetch handlers', () => {
  adapterContract({ describe, it, expect }, overNode)

  it('checks the options at once', () => {
    const { coffer } = createSeller()
    expect(() => paid(coffer, { price: '1e3' }, () => new Response())).toThrow(/price/)
  })

  it('passes on whatever else the server gives, with its types (fault 12)', async () => {
    const { coffer } = createSeller()
    const seen: unknown[] = []
    const handle = paid(coffer, ROUTE, (_, grant, context: { params: { id: string } }, more: number) => {
      seen.push(grant.wallet.id, context.params.id, more)
      return new Response()
    })
    expectTypeOf(handle).parameters.toEqualTypeOf<[Request, { params: { id: string } }, number]>()
    expect((await handle(request('a'), { params: { id: '7' } }, 8)).status).toBe(200)
    expect(seen).toEqual(['main', '7', 8])
    const plain = paid(coffer, ROUTE, (_: Request, grant: Grant) => Response.json(grant.payment))
    expectTypeOf(plain).parameters.toEqualTypeOf<[Request]>()
  })

  it('lets the error of the handler through', async () => {
    const { coffer } = createSeller()
    const failure = new Error('the handler failed')
    const handle = paid(coffer, ROUTE, () => Promise.reject(failure))
    await expect(handle(request('a'))).rejects.toBe(failure)
    await expect(handle(request('a'))).rejects.toBe(failure)
  })
})
