import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { type Agent, createAgent } from './agents.ts'
import { connectHttp, createRoom, type Host, type Setup, startHttp } from './hosts.ts'

const room = createRoom()
let chain: EvmChain
let shop: Shop
/** Lets the handler of `/slow` answer. */
let release: () => void
let released: Promise<void>
/** Told when the handler of `/slow` runs. */
let reached: () => void = () => {}

beforeAll(async () => {
  chain = await startEvmChain()
  const serveSlowly = async () => {
    reached()
    await released
    return new Response('at last')
  }
  const wares = {
    '/cent': { price: '0.01' },
    '/dime': { price: '0.10' },
    '/free': { price: '0.00' },
    '/broken': { price: '0.01', serve: () => new Response('out of order', { status: 500 }) },
    '/slow': { price: '0.01', serve: serveSlowly },
    '/slow/session': { price: '0.01', acceptSessions: true, serve: serveSlowly },
  }
  shop = await openShop(wares, { evm: [chain] })
})
beforeEach(() => {
  released = new Promise((resolve) => {
    release = resolve
  })
})
afterAll(async () => {
  await shop?.stop()
  await chain?.stop()
})

const agent = (more?: Partial<Setup>): Promise<Agent> => createAgent(chain, room, more)

/** Tools that pay, and what they call the URL. */
const PAYING = [
  ['x402_pay', 'url'],
  ['x402_session_start', 'endpoint'],
] as const

describe('a budget', () => {
  it.each(PAYING)('limits what %s pays at once, on a day, and ever', async (tool, field) => {
    const cases = [
      [['--max', '0.05'], '/dime', 'too-expensive'],
      [['--max', '1', '--max-day', '0.05'], '/dime', 'over-budget'],
      [['--max', '1', '--max-host', '0.05'], '/dime', 'over-budget'],
      [['--max', '1', '--max-total', '0.05'], '/dime', 'over-budget'],
    ] as const
    for (const [args, path, reason] of cases) {
      const { connect, spent } = await agent({ args })
      const { isError, text } = await (await connect()).call(tool, { [field]: shop.url + path })
      expect([isError, text]).toEqual([true, expect.stringContaining('payment-refused')])
      expect(text).toContain(reason)
      expect(text).not.toContain('UNTRUSTED')
      expect(await spent()).toBe(0n)
    }
    expect(shop.runs('/dime')).toBe(0)
  })

  it('holds for all calls together, also after a restart', async () => {
    const { connect, spent } = await agent({ args: ['--max-day', '0.02'] })
    const first = await connect()
    const url = `${shop.url}/cent`
    const answers = await Promise.all(Array.from({ length: 5 }, () => first.call('x402_pay', { url })))
    expect(answers.filter(({ isError }) => !isError)).toHaveLength(2)
    await first.close()
    expect((await (await connect()).call('x402_pay', { url })).isError).toBe(true)
    expect(await spent()).toBe(20_000n)
  })

  it.each([
    [{ max_payment: '0.005' }, true],
    [{ max_payment: 0.005 }, true],
    [{ max_payment: '0.01' }, false],
    // No offer is in ETH: nobody means to pay more dollars than ETH.
    [{ max_payment_eth: '0.005' }, true],
    [{ max_payment_eth: '0.05' }, false],
    [{ max_payment: '0.02', max_payment_eth: '0.001' }, false],
  ])('%j is a limit of a call', async (limit, isRefused) => {
    const { connect, spent } = await agent()
    const host = await connect()
    for (const [tool, field] of PAYING) {
      const { isError, text } = await host.call(tool, { [field]: `${shop.url}/cent`, ...limit })
      expect(isError, text).toBe(isRefused)
    }
    expect(await spent()).toBe(isRefused ? 0n : 20_000n)
  })

  it.each([
    ['max_payment', '-1'],
    ['max_payment', '1e3'],
    ['max_payment', 'lots'],
    ['timeout_ms', 999],
    ['timeout_ms', 60_001],
    ['method', 'TRACE'],
    ['endpoint', 'file:///etc/passwd'],
    ['ttl_seconds', 59],
    ['ttl_seconds', 2_592_001],
    ['scope', 'origin'],
    ['label', 'x'.repeat(101)],
    ['body', 'of a GET'],
    ['headers', { 'not a name': 'x' }],
  ])('%s %j is no input', async (name, value) => {
    const { connect, spent } = await agent()
    const input = { endpoint: `${shop.url}/cent`, [name]: value }
    const { isError, text } = await (await connect()).call('x402_session_start', input)
    expect([isError, await spent()]).toEqual([true, 0n])
    expect(text).toMatch(new RegExp(name === 'headers' ? 'header field' : name === 'body' ? 'body' : name))
  })
})

describe('paying', () => {
  it('tells what was paid, to whom and in which transaction', async () => {
    const { connect, spent } = await agent()
    const { data, text } = await (await connect()).call('x402_pay', { url: `${shop.url}/cent` })
    const { payment, answer } = data
    expect(payment).toMatchObject({
      amount: '0.01',
      symbol: 'USDC',
      network: 'eip155:84532',
      recipient: shop.seller,
    })
    expect(await chain.request('eth_getTransactionReceipt', [payment.transaction_hash])).toMatchObject({
      status: '0x1',
    })
    expect(answer.status).toBe(200)
    expect(text).toContain('Paid 0.01 USDC')
    expect(await spent()).toBe(10_000n)
  })

  it('is not done where nothing is asked', async () => {
    const { connect, spent } = await agent()
    const host = await connect()
    const endpoint = `${shop.url}/llms.txt`
    const started = await host.call('x402_session_start', { endpoint })
    expect(started.text).toMatch(/^No Payment Required/)
    expect(started.data).toMatchObject({ outcome: 'no-payment-required', answer: { status: 200 } })
    expect(started.data.session_id).toBeUndefined()
    const paid = await host.call('x402_pay', { url: endpoint })
    expect(paid.data).toEqual({ answer: expect.objectContaining({ status: 200 }) })
    expect((await host.call('x402_session_status')).data.sessions).toEqual([])
    expect(await spent()).toBe(0n)
  })

  it('a price of nothing is shown a signature', async () => {
    const { connect, spent } = await agent()
    const { data } = await (await connect()).call('x402_pay', { url: `${shop.url}/free` })
    expect(data).toMatchObject({ payment: { amount: '0' }, answer: { status: 200 } })
    expect(await spent()).toBe(0n)
  })

  it('without a session that can come of it says so', async () => {
    const { connect, spent } = await agent()
    const host = await connect()
    // The server has sessions for none of its routes; what is left is a token, which it does not take here.
    const { data } = await host.call('x402_session_start', { endpoint: `${shop.url}/cent` })
    expect(data).toMatchObject({ outcome: 'opened', kind: 'token' })
    const fetched = await host.call('x402_session_fetch', {
      session_id: data.session_id,
      url: `${shop.url}/cent`,
    })
    expect(fetched.isError).toBe(true)
    expect((await host.call('x402_session_end', { session_id: data.session_id })).data.outcome).toBe(
      'forgotten',
    )
    expect(await spent()).toBe(10_000n)
  })

  it('for a handler that fails is not lost: the same call goes on with the same payment', async () => {
    const { connect, spent } = await agent()
    const host = await connect()
    for (let time = 0; time < 3; time++) {
      const { isError, text } = await host.call('x402_pay', { url: `${shop.url}/broken` })
      expect([isError, text]).toEqual([true, expect.stringContaining('Make the same call again later')])
      expect(text).toContain('out of order')
    }
    expect((await host.call('x402_session_status')).data.open_payments).toHaveLength(1)
    expect(await spent()).toBe(10_000n)
  })

  it('is not done without a server', async () => {
    const { connect } = await agent()
    const { isError, text } = await (await connect()).call('x402_pay', { url: 'http://127.0.0.1:1/' })
    expect([isError, text]).toEqual([true, expect.stringContaining('cannot be reached')])
  })

  it('tells who waits that it goes on', async () => {
    const host = await (await agent()).connect()
    const told: unknown[] = []
    const call = { name: 'x402_pay', arguments: { url: `${shop.url}/cent` } }
    await host.client.callTool(call, undefined, { onprogress: (progress) => told.push(progress) })
    expect(told).toEqual([{ progress: 0, message: 'x402_pay has begun' }])
  })
})

describe('a call that is given up while its payment is on its way', () => {
  /** Makes a call, and waits until its payment has reached the handler. */
  async function begin({ client }: Pick<Host, 'client'>, options: { signal?: AbortSignal } = {}) {
    const isThere = new Promise<void>((resolve) => {
      reached = resolve
    })
    const call = client.callTool(
      { name: 'x402_pay', arguments: { url: `${shop.url}/slow` } },
      undefined,
      options,
    )
    call.catch(() => {})
    await isThere
    return { call }
  }

  /** The same call again has the answer, and the wallet has paid once. */
  async function expectOnce({ call }: Pick<Host, 'call'>, { spent }: Agent) {
    expect((await call('x402_session_status')).data.open_payments).toMatchObject([
      { url: `${shop.url}/slow` },
    ])
    release()
    const { isError, text, data } = await call('x402_pay', { url: `${shop.url}/slow` })
    expect(isError, text).toBe(false)
    expect(data.answer.untrusted_body).toBe('at last')
    expect((await call('x402_session_status')).data).toMatchObject({ open_payments: [], spent_usd: '0.01' })
    expect(await spent()).toBe(10_000n)
  }

  /** Its wallet works on it no more: who asks again need not wait. */
  const isLeft = async ({ call }: Pick<Host, 'call'>) => {
    const again = { url: `${shop.url}/slow`, timeout_ms: 1000 }
    expect((await call('x402_pay', again)).text).toContain('payment-unresolved')
  }

  it.each(['standard input', 'HTTP'])('by its caller, over %s', async (way) => {
    const made = await agent()
    let host: Pick<Host, 'client' | 'call'>
    if (way === 'HTTP') {
      const server = await startHttp(made.setup)
      room.after(() => server.stop())
      const connected = await connectHttp(server.url)
      room.after(connected.close)
      host = connected
    } else host = await made.connect()
    const giveUp = new AbortController()
    const { call } = await begin(host, { signal: giveUp.signal })
    giveUp.abort('enough')
    await expect(call).rejects.toThrow()
    await isLeft(host)
    await expectOnce(host, made)
  })

  it('and made again before the word of that has come', async () => {
    const made = await agent()
    const server = await startHttp(made.setup)
    room.after(() => server.stop())
    const host = await connectHttp(server.url)
    room.after(host.close)
    await begin(host)
    // The first call goes on; the second one is not to pay beside it.
    const again = host.call('x402_pay', { url: `${shop.url}/slow`, timeout_ms: 60_000, max_payment: '0.05' })
    await sleep(300)
    expect((await host.call('x402_session_status')).data.open_payments).toHaveLength(1)
    release()
    expect((await again).data.answer.untrusted_body).toBe('at last')
  })

  it('by its own time', async () => {
    const made = await agent()
    const host = await made.connect()
    const { isError, text } = await host.call('x402_pay', { url: `${shop.url}/slow`, timeout_ms: 1000 })
    expect([isError, text]).toEqual([true, expect.stringContaining('payment-unresolved')])
    expect(text).toContain('Make the same call again')
    await expectOnce(host, made)
  })

  it.each([
    ['its host goes', (host: Host) => host.close()],
    [
      'the server is told to end',
      async (host: Host) => {
        const closed = new Promise((resolve) => {
          host.client.onclose = () => resolve(null)
        })
        process.kill(host.pid, 'SIGTERM')
        await closed
      },
    ],
    [
      'the server is killed',
      async (host: Host) => {
        process.kill(host.pid, 'SIGKILL')
        await host.close()
      },
    ],
  ] as const)(
    'because %s',
    async (_why, end) => {
      const made = await agent()
      const first = await made.connect()
      await begin(first)
      await end(first)
      await expectOnce(await made.connect(), made)
    },
    60_000,
  )

  it('opens the session that it was for, when the next server makes the same call', async () => {
    const made = await agent()
    const start = { endpoint: `${shop.url}/slow/session`, label: 'kept', ttl_seconds: 120, scope: 'exact' }
    const first = await made.connect()
    const isThere = new Promise<void>((resolve) => {
      reached = resolve
    })
    first.call('x402_session_start', start).catch(() => {})
    await isThere
    await first.close()
    release()
    const { data, text } = await (await made.connect()).call('x402_session_start', start)
    expect(data, text).toMatchObject({ kind: 'server', label: 'kept', ttl_seconds: 120, scope: 'exact' })
    expect(await made.spent()).toBe(10_000n)
  })

  it('because a server over HTTP is told to end', async () => {
    const made = await agent()
    const server = await startHttp(made.setup)
    const host = await connectHttp(server.url)
    await begin(host)
    expect(await server.stop()).toBe(0)
    await host.close()
    await expectOnce(await made.connect(), made)
  }, 60_000)
})
