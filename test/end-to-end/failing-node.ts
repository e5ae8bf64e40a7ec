import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a caller gets instead of an answer. */
export type Failure = 'hang' | 'status 500' | 'HTML' | 'cut off' | 'half a document'

export const failures: readonly Failure[] = ['hang', 'status 500', 'HTML', 'cut off', 'half a document']

/** A node of a chain that fails: before it carries a call out, or after. */
export interface FailingNode {
  readonly url: string
  /** Decides what becomes of a call; `null` lets it through. */
  meddle: (method: string) => { readonly when: 'before' | 'after'; readonly failure: Failure } | null
  /** How long every answer takes, milliseconds. */
  delayMs: number
  stop(): void
}

/** Starts a node on a free port, in front of the real one. */
export async function startFailingNode(target: string): Promise<FailingNode> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method } = JSON.parse(body) as { method: string }
    const meddling = node.meddle(method)
    if (meddling?.when === 'before') return fail(response, meddling.failure)
    const headers = { 'content-type': 'application/json' }
    const text = await (await fetch(target, { method: 'POST', headers, body })).text()
    if (meddling !== null) return fail(response, meddling.failure)
    await sleep(node.delayMs)
    response.writeHead(200, headers).end(text)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const node: FailingNode = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    meddle: () => null,
    delayMs: 0,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
  return node
}

function fail(response: ServerResponse, failure: Failure): void {
  const json = { 'content-type': 'application/json' }
  switch (failure) {
    case 'hang':
      return
    case 'status 500':
      return void response.writeHead(500, json).end('{"message":"internal"}')
    case 'HTML':
      return void response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<!doctype html><p>Bad gateway')
    case 'cut off':
      response.writeHead(200, { ...json, 'content-length': 1000 })
      return void response.write('{"jsonrpc":"2.0","id":1,"res', () => response.destroy())
    case 'half a document':
      return void response.writeHead(200, json).end('{"jsonrpc":"2.0","id":1,"res')
  }
}
