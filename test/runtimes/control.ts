import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { RouteOptions } from '../../src/index.ts'
import type { Reply, Served, Visit } from '../adapters/adapter.ts'
import { listen } from '../adapters/server.ts'
import type { Seller } from '../gate/scripted.ts'
import type { Order } from './apps/shop.ts'

/** Tells shops in other processes what to do: what their protocol says, and what their handler answers. */
export interface Control {
  /** Opens a shop on a server of the `apps`. */
  serve(url: string, wanted: Wanted): Promise<Served>
  close(): Promise<void>
}

/** A shop in another process, as it is wanted. */
export interface Wanted {
  readonly seller: Seller
  readonly route: RouteOptions
  readonly handler: (visit: Visit) => Promise<Reply>
}

/** Starts to listen to what shops ask. */
export async function startControl(): Promise<Control> {
  const shops = new Map<string, Wanted>()
  /** Resolves the `gone` of a visit, by its run. */
  const leaving = new Map<string, () => void>()
  let lastId = 0

  const { url: control, close } = await listen((req, res) => {
    const question = req.url?.slice(1)
    const shop = shops.get(String(req.headers['x-shop']))
    if (question === 'hello') return void res.end('hello')
    // A shop may still ask something when its test is over.
    if (question === undefined || shop === undefined) return void req.socket.destroy()
    answer(question, shop, req, res).catch(() => res.destroy())
  })

  /** Every answer tells the time. */
  async function answer(
    question: string,
    { seller: { script, now }, handler }: Wanted,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const reply = (value: unknown): void => void res.setHeader('x-now', now()).end(JSON.stringify(value))
    const run = String(req.headers['x-run'])
    switch (question) {
      case 'verify':
        return reply(await script.verify(await text(req)))
      case 'settle':
        script.calls.push('settle')
        return reply(await script.settle(await text(req)))
      case 'reconcile':
        return reply(await script.reconcile())
      case 'gone':
        leaving.get(run)?.()
        return reply(null)
      case 'run': {
        const gone = new Promise<void>((resolve) => void leaving.set(run, resolve))
        const grant = JSON.parse(String(req.headers['x-grant']))
        const answered = await handler({ grant, gone, body: () => req })
        return send(answered, res.setHeader('x-now', now()))
      }
      default:
        throw new Error(`asked for ${question}`)
    }
  }

  return {
    async serve(url, wanted) {
      const id = ++lastId
      const { seller, route } = wanted
      shops.set(String(id), wanted)
      const order: Order = { id, control, now: seller.now(), options: seller.options, route }
      return {
        url,
        headers: { 'x-shop': JSON.stringify(order) },
        close: async () => void shops.delete(String(id)),
      }
    },
    close,
  }
}

async function send(
  { way, status = 200, headers = [], body = '' }: Reply,
  res: ServerResponse,
): Promise<void> {
  res.setHeader('x-answer', JSON.stringify({ way, status, headers })).flushHeaders()
  // A shop that wants no more is not an error.
  await pipeline(Readable.from(typeof body === 'string' ? [body] : body), res).catch(() => {})
}
