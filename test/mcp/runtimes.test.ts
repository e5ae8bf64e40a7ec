import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { denoCommand } from '../runtimes/deno.ts'
import { installRuntime } from '../runtimes/install.ts'
import { createAgent } from './agents.ts'
import { connectHttp, createRoom, startHttp } from './hosts.ts'

const room = createRoom()
let chain: EvmChain
let shop: Shop

beforeAll(async () => {
  chain = await startEvmChain()
  shop = await openShop({ '/report': { price: '0.01', acceptSessions: true } }, { evm: [chain] })
})
afterAll(async () => {
  await shop?.stop()
  await chain?.stop()
})

it.each([
  ['bun', async (): Promise<[string, ...string[]]> => [await installRuntime('bun')]],
  [
    'deno',
    async (): Promise<[string, ...string[]]> => {
      const { execPath, execArgv } = denoCommand(await installRuntime('deno'))
      return [execPath, ...execArgv]
    },
  ],
])(
  'on %s the command pays, over standard input and output and over HTTP',
  async (_name, find) => {
    const { setup, connect, spent } = await createAgent(chain, room, { runtime: await find() })
    const host = await connect()
    const started = await host.call('x402_session_start', { endpoint: `${shop.url}/report` })
    expect(started.isError, started.text).toBe(false)
    const { session_id } = started.data
    await host.close()

    const server = await startHttp(setup)
    room.after(() => server.stop())
    const other = await connectHttp(server.url)
    room.after(other.close)
    const fetched = await other.call('x402_session_fetch', { session_id, url: `${shop.url}/report` })
    expect(fetched.data?.answer.status, fetched.text).toBe(200)
    const away = await other.call('x402_pay', { url: 'http://127.0.0.1:1/' })
    expect(away.text).toContain('cannot be reached')
    expect((await other.call('x402_session_end', { session_id })).data.outcome).toBe('revoked')
    expect(await server.stop()).toBe(0)
    expect(await spent()).toBe(10_000n)
  },
  240_000,
)
