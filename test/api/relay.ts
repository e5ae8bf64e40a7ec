import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server that breaks when it is told to. */
export interface Relay {
  readonly url: string
  /** How many connections there were. */
  readonly connections: () => number
  /** Breaks all connections, in the middle of whatever they carry. */
  cut(): void
  close(): Promise<void>
}

/** Opens a {@link Relay} to a local port. */
export async function openRelay(target: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer((near) => {
    count++
    const far = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => count,
    cut,
    async close() {
      cut()
      await once(server.close(), 'close')
    },
  }
}
