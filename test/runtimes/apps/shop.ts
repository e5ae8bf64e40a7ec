import { type Coffer, type CofferOptions, createCoffer, type Grant, type RouteOptions } from 'coffer'
import { memory } from 'coffer/memory'
import { createScript, scripted } from '../../gate/scripted-protocol.ts'
import { perform } from './ways.ts'

/** A shop as a test wants it. It stands in the `X-Shop` field of each request, as JSON. */
export interface Order {
  readonly id: number
  /** Where the test decides what the shop is asked. */
  readonly control: string
  readonly now: number
  readonly options: Partial<CofferOptions>
  readonly route: RouteOptions
}

/** A shop that does what a test in another process tells it. */
export interface ToldShop {
  readonly coffer: Coffer
  readonly route: RouteOptions
  /** The handler: passes the request on to the test, and its answer back. */
  tell(request: Request, grant: Grant): Promise<Response>
}

const shops = new Map<string, ToldShop>()

/** The shop that a request is for. */
export function shopOf(request: Request): ToldShop {
  const order = request.headers.get('x-shop') ?? '{}'
  const shop = shops.get(order) ?? openShop(JSON.parse(order))
  shops.set(order, shop)
  return shop
}

function openShop({ id, control, now, options, route }: Order): ToldShop {
  let time = now
  const clock = (): number => time

  async function ask(what: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, 'x-shop': String(id) }
    const answer = await fetch(`${control}/${what}`, { method: 'POST', redirect: 'manual', ...init, headers })
    time = Number(answer.headers.get('x-now'))
    return answer
  }

  async function decide<Result>(what: string, text = ''): Promise<Result> {
    return (await (await ask(what, { body: text })).json()) as Result
  }

  const script = {
    ...createScript(),
    verify: (text: string) => decide<null>('verify', text),
    settle: (text: string) =>
      decide<Awaited<ReturnType<ReturnType<typeof createScript>['settle']>>>('settle', text),
    reconcile: () => decide<Awaited<ReturnType<ReturnType<typeof createScript>['reconcile']>>>('reconcile'),
  }

  const coffer = createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: `0x${'2'.repeat(40)}` } },
    protocols: [scripted(script)],
    store: memory({ clock }),
    challengeLimit: false,
    clock,
    ...options,
  })

  async function tell(request: Request, grant: Grant): Promise<Response> {
    const run = crypto.randomUUID()
    const leave = (): void => void ask('gone', { headers: { 'x-run': run } }).catch(() => {})
    if (request.signal.aborted) leave()
    else request.signal.addEventListener('abort', leave)
    const answer = await ask('run', {
      headers: { 'x-run': run, 'x-grant': JSON.stringify({ ...grant, vault: null }) },
      body: request.body,
      ...(request.body && { duplex: 'half' }),
    })
    const { way, status, headers } = JSON.parse(answer.headers.get('x-answer') ?? '{}')
    return perform({ way, status, headers, body: answer.body }, `${control}/hello`)
  }

  return { coffer, route, tell }
}
