import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { createCertificate } from './certificate.ts'

/** A request that arrived. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Name that TLS was asked for. */
  readonly servername: string | false | null
}

/** A real server that notes what arrives. */
export interface Receiver {
  readonly port: number
  readonly received: Received[]
  /** How many connections were made to it. */
  connections(): number
  /** PEM of its certificate; empty without TLS. */
  readonly cert: string
  close(): Promise<void>
}

/** Starts a server on a free port. With `name` it speaks TLS, with a certificate for that name. */
export async function startReceiver(
  answer: RequestListener = (_, response) => void response.end('thanks'),
  { host = '127.0.0.1', port = 0, name }: { host?: string; port?: number; name?: string } = {},
): Promise<Receiver> {
  const received: Received[] = []
  let connections = 0
  const listener: RequestListener = async (request, response) => {
    const { method = '', url = '', headers, socket } = request
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const servername =
      socket instanceof TLSSocket ? (socket as TLSSocket & { servername: string | false }).servername : null
    received.push({ method, url, headers, body, servername })
    answer(request, response)
  }
  const certificate = name === undefined ? null : createCertificate(name)
  const server = certificate === null ? createServer(listener) : createSecureServer(certificate, listener)
  server.on('connection', () => connections++)
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    received,
    connections: () => connections,
    cert: certificate?.cert ?? '',
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
