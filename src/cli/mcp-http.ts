import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, BlockList, isIP } from 'node:net'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import type { HttpAccess, Mcp } from '../mcp.ts'
import { listOf } from './agent/agent-options.ts'
import { type CommandCall, noVariable, type Terminal, UsageError } from './command.ts'

/** Where to listen, and to whom. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly access: HttpAccess
}

/** Reads the options of HTTP. @throws UsageError. */
export function readPlace({ values, terminal }: CommandCall): Place {
  const [port, host] = [String(values['http']), String(values['host'] ?? '127.0.0.1')]
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError('--http: expected a port, 0 to 65535')
  const isLocal = host === 'localhost' || isLoopback(host)
  if (!isLocal && isIP(host) === 0) throw new UsageError('--host: expected an IP address')
  const name = values['token-env']
  const token = terminal.env[typeof name === 'string' ? name : 'COFFER_MCP_TOKEN'] || undefined
  if (typeof name === 'string' && token === undefined) noVariable('token-env')
  if (token !== undefined && token.length < 16)
    throw new UsageError('the token of callers: expected 16 characters or more')
  if (!isLocal && token === undefined) {
    throw new UsageError(`--host ${host}: others could spend from the wallet: set COFFER_MCP_TOKEN`)
  }
  const pages = listOf(values['allow-page'])
  const hosts = ['localhost', '127.0.0.1', '[::1]', bracketed(host), ...listOf(values['allow-host'])]
  return {
    host,
    port: Number(port),
    access: { hosts, ...(pages.length > 0 && { origins: pages }), ...(token !== undefined && { token }) },
  }
}

/** Serves at `/mcp` until the program is asked to end. */
export async function serveHttp(served: Mcp, { host, port }: Place, terminal: Terminal): Promise<void> {
  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const request = toRequest(req, res)
    if (request instanceof Response) return sendResponse(request, res)
    const isHere = new URL(request.url).pathname === '/mcp'
    await sendResponse(isHere ? await served.fetch(request) : notFound(), res)
  }

  // Rejects when the client has gone.
  const server = createServer((req, res) => void answer(req, res).catch(() => res.destroy()))
  await once(server.listen(port, host), 'listening')
  const { port: taken } = server.address() as AddressInfo
  terminal.err(`coffer mcp: ready on http://${bracketed(host)}:${taken}/mcp\n`)
  if (!terminal.signal.aborted) await once(terminal.signal, 'abort')
  const closed = once(server, 'close')
  server.close()
  await served.close()
  server.closeAllConnections()
  await closed
}

const notFound = (): Response => Response.json({ error: 'MCP is at /mcp.' }, { status: 404 })

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host)
