/**
 * A process that follows a vault many times: `node stream-clients.ts <port> <path> <token>`. It reads plain sockets, and no more
 * of them than it must: what is measured is the other process.
 */
import { connect } from 'node:net'
import { answerParent } from './process.ts'

/** What the process can be told: open so many streams (answers when all have begun), or wait for so many events in all. */
export type Demand = { readonly open: number } | { readonly expect: number }

/** How long events were under way, from before the append to the receipt, milliseconds. */
export interface Delays {
  readonly p50: number
  readonly p99: number
}

const [port, path, token] = process.argv.slice(2)
const AT = /"at":([\d.]+)/g

let delays: number[] = []
let arrived = (): void => {}

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1')
    let rest = ''
    socket.on('error', reject)
    socket.setEncoding('latin1').on('data', (piece: unknown) => {
      const now = performance.timeOrigin + performance.now()
      const text = rest + String(piece)
      const end = text.lastIndexOf('\n\n')
      rest = text.slice(end + 2)
      for (const [, at] of text.slice(0, end + 2).matchAll(AT)) delays.push(now - Number(at))
      arrived()
      resolve()
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  })
}

answerParent(null, async (demand: Demand): Promise<Delays | null> => {
  if ('open' in demand) {
    for (let n = 0; n < demand.open; n++) await open()
    return null
  }
  await new Promise<void>((resolve) => {
    arrived = () => {
      if (delays.length >= demand.expect) resolve()
    }
    arrived()
  })
  const sorted = delays.toSorted((a, b) => a - b)
  delays = []
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
})
