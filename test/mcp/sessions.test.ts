import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Grant } from '../../src/index.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { type Agent, createAgent } from './agents.ts'
import { connectHttp, createRoom, type Host, startHttp } from './hosts.ts'

const room = createRoom()
let chain: EvmChain
let shop: Shop

beforeAll(async () => {
  chain = await startEvmChain()
  const wares = {
    '/agent/step': { price: '0.01', acceptSessions: true },
    '/agent/step/deep': { price: '0.01', acceptSessions: true },
    '/agent/step/dear': { price: '0.09', acceptSessions: true },
    '/agent/other': { price: '0.01', acceptSessions: true },
    '/echo': {
      price: '0.01',
      acceptSessions: true,
      serve: async (request: Request, { session }: Grant) =>
        Response.json({ method: request.method, body: await request.text(), sessionId: session?.id }),
    },
  }
  shop = await openShop(wares, { evm: [chain] })
})
afterAll(async () => {
  await shop?.stop()
  await chain?.stop()
})

const agent = (): Promise<Agent> => createAgent(chain, room)

/** Counts runs of a handler from now. */
function runsOf(path: string): () => number {
  const before = shop.runs(path)
  return () => shop.runs(path) - before
}

/** Opens a session, which must work. */
async function start({ call }: Pick<Host, 'call'>, endpoint: string, more: object = {}): Promise<string> {
  const { isError, text, data } = await call('x402_session_start', { endpoint, ...more })
  expect(isError, text).toBe(false)
  return data.session_id
}

async function use({ call }: Pick<Host, 'call'>, session_id: string, url: string, times: number) {
  for (let time = 0; time < times; time++) {
    const fetched = await call('x402_session_fetch', { session_id, url })
    expect(fetched.isError, fetched.text).toBe(false)
    expect(fetched.data.answer.status).toBe(200)
  }
}

describe('a session', () => {
  it('is paid once, used twelve times, over a server that is killed and one that follows it, and ended', async () => {
    const { connect, spent, payer } = await agent()
    const runs = runsOf('/agent/step')
    const endpoint = `${shop.url}/agent/step`

    const first = await connect()
    const started = await first.call('x402_session_start', { endpoint, label: 'twelve', ttl_seconds: 600 })
    expect(started.isError, started.text).toBe(false)
    expect(started.data).toMatchObject({
      outcome: 'opened',
      endpoint,
      scope: 'prefix',
      label: 'twelve',
      kind: 'server',
      network: 'eip155:84532',
      ttl_seconds: 600,
      amount: '0.01',
      symbol: 'USDC',
      recipient: shop.seller,
      transaction_hash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      answer: { status: 200, untrusted_body: expect.stringContaining('"run"'), cut: false },
    })
    const { session_id } = started.data
    for (const part of [
      session_id,
      endpoint,
      'twelve',
      '0.01 USDC',
      shop.seller,
      started.data.transaction_hash,
    ])
      expect(started.text).toContain(part)
    await use(first, session_id, endpoint, 6)
    process.kill(first.pid, 'SIGKILL')

    const second = await connect()
    const known = await second.call('x402_session_status', { session_id })
    expect(known.data.sessions).toMatchObject([{ session_id, label: 'twelve', endpoint }])
    expect(known.data).toMatchObject({ open_payments: [], spent_today_usd: '0.01', spent_usd: '0.01' })
    await use(second, session_id, endpoint, 6)
    const ended = await second.call('x402_session_end', { session_id })
    expect(ended.data).toEqual({ session_id, outcome: 'revoked' })
    const after = await second.call('x402_session_fetch', { session_id, url: endpoint })
    expect([after.isError, after.text]).toEqual([true, expect.stringContaining('no such session')])
    expect((await second.call('x402_session_end', { session_id })).isError).toBe(true)

    expect([await spent(), runs()]).toEqual([10_000n, 13])
    const said = JSON.stringify([started, known, ended, after, first.log(), second.log()])
    expect(said).not.toContain(payer.privateKey.slice(2))
    expect(said).not.toContain('sess_')
  })

  it('lives over HTTP, too, with a host that notices nothing of the restart', async () => {
    const { setup, spent } = await agent()
    const runs = runsOf('/agent/step')
    const first = await startHttp(setup)
    room.after(() => first.stop())
    const host = await connectHttp(first.url)
    room.after(host.close)
    const id = await start(host, `${shop.url}/agent/step`)
    await use(host, id, `${shop.url}/agent/step`, 6)
    await first.stop('SIGKILL')
    const second = await startHttp(setup, Number(new URL(first.url).port))
    room.after(() => second.stop())
    await use(host, id, `${shop.url}/agent/step`, 6)
    expect((await host.call('x402_session_end', { session_id: id })).data.outcome).toBe('revoked')
    expect([await spent(), runs()]).toEqual([10_000n, 13])
    expect(await second.stop()).toBe(0)
  })

  it('two that are opened at once are two, each paid once, and both can be used', async () => {
    const { connect, spent } = await agent()
    const runs = runsOf('/agent/step')
    const host = await connect()
    const endpoint = `${shop.url}/agent/step`
    const ids = await Promise.all([
      start(host, endpoint, { label: 'a' }),
      start(host, endpoint, { label: 'b' }),
    ])
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) await use(host, id, endpoint, 2)
    const { data } = await host.call('x402_session_status')
    expect(data.sessions.map(({ label }: { label: string }) => label).sort()).toEqual(['a', 'b'])
    expect([await spent(), runs()]).toEqual([20_000n, 6])
  })

  it('covers the endpoint and what is below it, or the endpoint alone', async () => {
    const { connect, spent } = await agent()
    const host = await connect()
    const wide = await start(host, `${shop.url}/agent/step`)
    const narrow = await start(host, `${shop.url}/agent/step`, { scope: 'exact' })
    await use(host, wide, `${shop.url}/agent/step/deep`, 1)
    await use(host, wide, `${shop.url}/agent/step?page=2`, 1)
    const beyond = [
      [wide, `${shop.url}/agent/other`],
      [wide, `${shop.url}/agent/steps`],
      [wide, `${shop.url}/agent/step/../other`],
      [wide, shop.url.replace('127.0.0.1', 'localhost')],
      [narrow, `${shop.url}/agent/step/deep`],
      [narrow, `${shop.url}/agent/step?page=2`],
    ] as const
    const runs = runsOf('/agent/other')
    for (const [session_id, url] of beyond) {
      const { isError, text } = await host.call('x402_session_fetch', { session_id, url })
      expect([isError, text]).toEqual([true, expect.stringContaining('does not cover')])
    }
    expect([await spent(), runs()]).toEqual([20_000n, 0])
  })

  it('that there is not, is refused', async () => {
    const host = await (await agent()).connect()
    for (const session_id of ['cses_0', 'sess_0', '']) {
      const { isError, text } = await host.call('x402_session_fetch', { session_id, url: `${shop.url}/echo` })
      expect([isError, text]).toEqual([true, expect.stringContaining('no such session')])
    }
    expect((await host.call('x402_session_status', { session_id: 'cses_0' })).isError).toBe(true)
  })

  it('that is answered 402 pays nothing, and stays', async () => {
    const { connect, spent } = await agent()
    const runs = runsOf('/agent/step/dear')
    const host = await connect()
    const id = await start(host, `${shop.url}/agent/step`)
    const dear = await host.call('x402_session_fetch', { session_id: id, url: `${shop.url}/agent/step/dear` })
    expect(dear.isError).toBe(true)
    expect(dear.text).toContain('Nothing was paid')
    await use(host, id, `${shop.url}/agent/step`, 1)
    expect([await spent(), runs()]).toEqual([10_000n, 0])
  })

  it('that its seller has revoked is answered 402, and pays nothing', async () => {
    const { connect, spent } = await agent()
    const host = await connect()
    const id = await start(host, `${shop.url}/agent/step`)
    await shop.coffer.sessions.revoke(shop.grants.at(-1)?.session?.id ?? '')
    const fetched = await host.call('x402_session_fetch', { session_id: id, url: `${shop.url}/agent/step` })
    expect([fetched.isError, fetched.text]).toEqual([true, expect.stringContaining('status 402')])
    expect(await spent()).toBe(10_000n)
  })

  it('carries method, fields and body, and hides what the seller calls it', async () => {
    const host = await (await agent()).connect()
    const request = { method: 'POST', body: '{"step":1}', headers: { 'X-Step': '1' } }
    const started = await host.call('x402_session_start', { endpoint: `${shop.url}/echo`, ...request })
    expect(JSON.parse(started.data.answer.untrusted_body)).toEqual({
      method: 'POST',
      body: '{"step":1}',
      sessionId: '[session id hidden]',
    })
    const { session_id } = started.data
    const put = { session_id, url: `${shop.url}/echo`, method: 'PUT', body: 'x' }
    const fetched = await host.call('x402_session_fetch', put)
    expect(fetched.data.answer.untrusted_body).toContain('"method":"PUT","body":"x"')
    expect(JSON.stringify([started, fetched])).not.toContain('sess_')
  })

  it('is what x402_pay uses first', async () => {
    const { connect, spent } = await agent()
    const host = await connect()
    await start(host, `${shop.url}/agent/step`)
    const covered = await host.call('x402_pay', { url: `${shop.url}/agent/step/deep` })
    expect(covered.data).toEqual({ answer: expect.objectContaining({ status: 200 }) })
    expect(covered.text).toContain('Nothing was paid')
    const dear = await host.call('x402_pay', { url: `${shop.url}/agent/step/dear` })
    expect(dear.data.payment).toMatchObject({ amount: '0.09', symbol: 'USDC', recipient: shop.seller })
    expect(await spent()).toBe(100_000n)
  })
})

describe('the server', () => {
  it('ends when its host goes, and when it is told to', async () => {
    const { setup, connect } = await agent()
    const host = await connect()
    const ended = new Promise((resolve) => {
      host.client.onclose = () => resolve(null)
    })
    process.kill(host.pid, 'SIGTERM')
    await ended
    const server = await startHttp(setup)
    const exited = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})
