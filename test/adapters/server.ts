import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Served } from './adapter.ts'

/** A server on a free port, closed with whatever is still connected to it. */
export async function listen(listener: RequestListener): Promise<Served & { readonly port: number }> {
  const server = createServer(listener)
  // A busy machine may need more than the default of 5 s between two requests of one connection.
  server.keepAliveTimeout = 60_000
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

/** A connection, for requests that no client would write. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Sends lines as a request head, with `Connection: close`, and returns all that comes back. */
export async function exchange(port: number, lines: readonly string[]): Promise<string> {
  const socket = await dial(port)
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'), 'latin1')
  let answer = ''
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk
  return answer
}
