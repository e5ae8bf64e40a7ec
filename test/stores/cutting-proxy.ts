import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A proxy in front of a server, which can cut a connection in the middle of a call. */
export interface CuttingProxy {
  readonly port: number
  /**
   * Cuts the connection of the next call whose bytes hold the text: before the server sees it, or when it has answered.
   */
  cutAt(text: string, when: 'call' | 'answer'): void
  /** Cuts all connections. */
  cutAll(): void
  stop(): Promise<void>
}

/** Starts a proxy on a free port. */
export async function startCuttingProxy(port: number): Promise<CuttingProxy> {
  let fault: { readonly text: string; readonly when: 'call' | 'answer' } | null = null
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    let isCutting = false
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', cut).on('close', cut)
    }
    client.on('data', (bytes) => {
      if (fault !== null && bytes.includes(fault.text)) {
        if (fault.when === 'call') cut()
        isCutting = true
        fault = null
      }
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      if (isCutting) cut()
      else client.write(bytes)
    })

    function cut(): void {
      for (const socket of [client, server]) {
        socket.destroy()
        sockets.delete(socket)
      }
    }
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')

  function cutAll(): void {
    for (const socket of sockets) socket.destroy()
  }

  return {
    port: (proxy.address() as AddressInfo).port,
    cutAt(text, when) {
      fault = { text, when }
    },
    cutAll,
    async stop() {
      cutAll()
      await once(proxy.close(), 'close')
    },
  }
}
