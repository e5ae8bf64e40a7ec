import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What may happen to a call on its way. */
export type Fault =
  /** The connection ends before the node sees the call. */
  | 'drop'
  /** The node carries the call out, and the connection ends before its answer. */
  | 'drop-answer'
  /** Nothing ever comes. */
  | 'hang'
  /** HTML instead of JSON. */
  | 'garbage'
  /** An answer instead of the node's. */
  | { readonly status?: number; readonly body: unknown }

/** A proxy in front of a chain that can be made to fail. */
export interface FaultyRpc {
  readonly url: string
  /** Methods that were called, in order. */
  readonly calls: readonly string[]
  /** Decides about each call: its method, and how often that was called before. `null` lets it through. */
  fail: (method: string, before: number) => Fault | null
  stop(): Promise<void>
}

/** Starts a proxy on a free port. */
export async function startFaultyRpc(target: string): Promise<FaultyRpc> {
  const calls: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method } = JSON.parse(body) as { method: string }
    const fault = rpc.fail(method, calls.filter((call) => call === method).length)
    calls.push(method)
    if (fault === 'drop') return void request.socket.destroy()
    if (fault === 'hang') return
    if (fault === 'garbage') return answer(response, 200, '<!doctype html><title>Bad gateway</title>')
    if (fault !== null && fault !== 'drop-answer') {
      return answer(response, fault.status ?? 200, JSON.stringify(fault.body))
    }
    const headers = { 'content-type': 'application/json' }
    const forwarded = await fetch(target, { method: 'POST', body, headers }).catch(() => null)
    const text = await forwarded?.text()
    // A chain that has ended looks like one whose answers get lost.
    if (fault === 'drop-answer' || text === undefined) return void request.socket.destroy()
    answer(response, forwarded?.status ?? 200, text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const rpc: FaultyRpc = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fail: () => null,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
  return rpc
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text)
}
