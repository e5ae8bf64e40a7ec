import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { WebStandardStreamableHTTPServerTransport as Transport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { no } from './access.ts'

/** Requests that are being answered, by the client's session and the request's id. */
export type Connections = Map<string, Transport>

/** Longest message. */
const MAX_BYTES = 4 * 2 ** 20

const SESSION = 'mcp-session-id'

/**
 * Answers a request of MCP's Streamable HTTP. Every request has a server of its own, so that any process can answer it and a
 * restart is not noticed. The id of a session is a mere name, by which a cancellation finds the call that it is for, when
 * that is in this process.
 */
export async function answerHttp(
  request: Request,
  createServer: () => Server,
  connections: Connections,
): Promise<Response> {
  if (request.method !== 'POST') {
    return no(405, 'Only POST: there is nothing to listen to between calls.', { allow: 'POST' })
  }
  const body = await readJson(request)
  if (body instanceof Response) return body
  const session = request.headers.get(SESSION)
  const messages = [body].flat() as readonly Partial<Record<'id' | 'method' | 'params', unknown>>[]
  for (const message of messages) {
    if (session !== null && message?.method === 'notifications/cancelled')
      await cancel(message, session, connections)
  }

  const requests = messages.filter((each) => each?.method !== undefined && each.id !== undefined)
  const keys = session === null ? [] : requests.map(({ id }) => keyOf(session, id))
  const transport = new RequestTransport(requests.length)
  const server = createServer()
  await server.connect(transport)
  for (const key of keys) connections.set(key, transport)
  transport.whenClosed(() => {
    for (const key of keys) if (connections.get(key) === transport) connections.delete(key)
  })
  const response = await transport.handleRequest(request, { parsedBody: body })
  // Refused, or nothing but notifications: nothing is to come.
  if (response.headers.get('content-type') !== 'text/event-stream') await server.close()
  if (session === null && messages.some((each) => each?.method === 'initialize')) {
    response.headers.set(SESSION, crypto.randomUUID())
  }
  return response
}

/** A transport that closes when all of its requests are answered. */
class RequestTransport extends Transport {
  #left: number
  #closed = (): void => {}

  constructor(requests: number) {
    super()
    this.#left = requests
  }

  whenClosed(told: () => void): void {
    this.#closed = told
  }

  override async send(message: JSONRPCMessage, options?: Parameters<Transport['send']>[1]): Promise<void> {
    try {
      await super.send(message, options)
    } finally {
      if (('result' in message || 'error' in message) && --this.#left <= 0) await this.close()
    }
  }

  override async close(): Promise<void> {
    this.#closed()
    await super.close()
  }
}

/** Gives a cancellation to the call that it is for, which then has no answer. */
async function cancel(
  message: { readonly params?: unknown },
  session: string,
  connections: Connections,
): Promise<void> {
  const { requestId } = (message.params ?? {}) as { readonly requestId?: unknown }
  const transport = connections.get(keyOf(session, requestId))
  transport?.onmessage?.(message as JSONRPCMessage)
  await transport?.close()
}

function keyOf(session: string, id: unknown): string {
  return JSON.stringify([session, id])
}

async function readJson(request: Request): Promise<unknown> {
  const reader = request.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return JSON.parse(text + decoder.decode())
      length += value.length
      if (length > MAX_BYTES) return no(413, `A message has at most ${MAX_BYTES} bytes.`)
      text += decoder.decode(value, { stream: true })
    }
  } catch {
    return no(400, 'Parse error: the body is no JSON.', {}, -32_700)
  } finally {
    reader?.cancel().catch(() => {})
  }
}
