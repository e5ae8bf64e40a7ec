import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, createMarkets, paymentResponse, SELLER } from '../client/market.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, createPayer, createTempoPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { openShop, type Shop, type Ware } from '../end-to-end/shop.ts'
import { type Ended, expectNoSecrets, runProcess, type Started, startCli } from './process.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-pay-'))
let chains: Chains
let shop: Shop
let files = 0

/** How many bytes of the long answer there are: more than pipes hold. */
const LONG = 3 * 2 ** 20
let release = (): void => {}

/** Begins an answer, and ends it when it is told to. */
function serveSlowly(): Response {
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const text = new TextEncoder()
  return new Response(
    new ReadableStream({
      async start(controller) {
        controller.enqueue(text.encode('begin '))
        await held
        controller.enqueue(text.encode('end'))
        controller.close()
      },
    }),
  )
}

const wares: Record<string, Ware> = {
  '/a': { price: '0.01' },
  '/dear': { price: '0.25' },
  '/free': { price: '0.00' },
  '/steps/one': { price: '0.02', acceptSessions: true },
  '/steps/two': { price: '0.02', acceptSessions: true },
  '/echo': {
    price: '0.01',
    serve: async (request) =>
      new Response(await request.arrayBuffer(), {
        headers: { 'content-type': String(request.headers.get('content-type')), 'x-method': request.method },
      }),
  },
  '/long': { price: '0.01', serve: () => new Response(Buffer.alloc(LONG, 'x')) },
  '/slow': { price: '0.01', serve: serveSlowly },
  '/cut': { price: '0.01', serve: serveSlowly },
  '/broken': {
    price: '0.01',
    serve: (_request, _grant, run) => new Response('no', { status: run < 2 ? 500 : 200 }),
  },
}

beforeAll(async () => {
  chains = await startChains()
  shop = await openShop(wares, { evm: [chains.evm], tempo: chains.tempo })
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
  rmSync(folder, { recursive: true })
})

/** An agent with a journal of its own. */
function agentOf(payer: Payer): Started & { readonly env: Record<string, string> } {
  return {
    env: {
      COFFER_PRIVATE_KEY: payer.privateKey,
      COFFER_AGENT: join(folder, `agent-${++files}.db`),
      COFFER_RPC_84532: chains.evm.url,
      COFFER_RPC_42431: chains.tempo.url,
    },
  }
}

async function earned(): Promise<bigint> {
  const [evm, tempo] = await Promise.all([
    chains.evm.balanceOf(shop.seller),
    chains.tempo.balanceOf(shop.seller),
  ])
  return evm + tempo
}

/** Runs `coffer pay`, and looks that nothing secret was written. */
async function pay(payer: Payer, args: readonly string[], started: Started = agentOf(payer)): Promise<Ended> {
  const ended = await runProcess(['pay', ...args], started)
  expectNoSecrets(ended, payer.privateKey)
  return ended
}

describe('coffer pay', () => {
  it.each([
    ['x402', ['--protocol', 'x402']],
    ['MPP evm', ['--protocol', 'mpp', '--network', 'base-sepolia']],
    ['MPP tempo', ['--protocol', 'mpp', '--network', 'tempo-moderato']],
  ])('pays by %s: the body, and nothing else, on standard output', async (name, args) => {
    const isTempo = name === 'MPP tempo'
    const payer = await (isTempo ? createTempoPayer(chains.tempo) : createEvmPayer(chains.evm))
    const [before, runs] = [await earned(), shop.runs('/a')]
    const { code, out, err } = await pay(payer, [`${shop.url}/a`, ...args])
    expect({ code, out, err }).toEqual({ code: 0, out: `{"run":${runs + 1}}`, err: '' })
    expect(await earned()).toBe(before + 10_000n)
    const chain = isTempo ? chains.tempo : chains.evm
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - 10_000n)
  })

  it('sends what it is told to, and tells programs all in one object', async () => {
    const payer = await createEvmPayer(chains.evm)
    const args = ['--json', '-d', '@-', '-H', 'X-Trace: 7', '--network', 'base-sepolia', '--protocol', 'x402']
    const ended = await pay(payer, [`${shop.url}/echo`, ...args], { ...agentOf(payer), input: '{"a":1}' })
    expect(ended).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(ended.out)).toEqual({
      url: `${shop.url}/echo`,
      status: 200,
      headers: expect.objectContaining({ 'content-type': 'application/json', 'x-method': 'POST' }),
      body: '{"a":1}',
      bodyEncoding: 'utf8',
      bodyFile: null,
      bytes: 7,
      payment: {
        attempt: expect.stringMatching(/^att_/),
        isOpen: false,
        protocol: 'x402',
        method: 'exact',
        network: 'eip155:84532',
        asset: chains.evm.usdc.address,
        symbol: 'USDC',
        units: '10000',
        amount: '0.01',
        usd: '0.01',
        payer: payer.address,
        recipient: shop.seller,
        description: null,
        transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/),
        receipt: { status: 'matches', differences: [] },
        session: expect.stringMatching(/^cses_/),
      },
    })
  })

  it('writes the body into a file, which keeps what it had until an answer comes', async () => {
    const payer = await createEvmPayer(chains.evm)
    const file = join(folder, 'long.bin')
    writeFileSync(file, 'earlier')
    const agent = agentOf(payer)
    const dear = await pay(payer, [`${shop.url}/long`, '-o', file, '--max', '0.001'], agent)
    expect([dear.code, readFileSync(file, 'utf8')]).toEqual([3, 'earlier'])
    const other = join(folder, 'none.bin')
    expect(await pay(payer, [`${shop.url}/long`, '-o', other, '--max', '0.001'], agent)).toMatchObject({
      code: 3,
    })
    expect(() => statSync(other)).toThrow()
    const ended = await pay(payer, [`${shop.url}/long`, '-o', file, '-i'], agent)
    expect(ended).toMatchObject({ code: 0, err: '' })
    expect(ended.out).toMatch(/^HTTP 200 OK\n(?:[\w-]+: .*\n)+\n$/)
    expect(statSync(file).size).toBe(LONG)
    expect(await pay(payer, [`${shop.url}/long`, '-o', '/dev/null'], agent)).toMatchObject({
      code: 0,
      err: '',
    })
    const full = await pay(payer, [`${shop.url}/long`, '-o', '/dev/full'], agent)
    expect([full.code, full.err]).toEqual([1, expect.stringMatching(/ENOSPC.*: coffer pay --resume att_\w+/)])
  })

  it('shows a body as it comes, and progress to who asks for it', async () => {
    const payer = await createEvmPayer(chains.evm)
    const cli = startCli(['pay', '-v', `${shop.url}/slow`, '--network', 'base-sepolia'], agentOf(payer))
    await cli.says('begin ')
    release()
    const ended = await cli.ended
    expectNoSecrets(ended, payer.privateKey)
    expect(ended).toMatchObject({ code: 0, out: 'begin end' })
    expect(ended.err).toMatch(
      /^· paying 0\.01 USDC on base-sepolia .*\n· signed.*\n· paid 0\.01 USDC, transaction 0x/,
    )
  })

  it('ends quietly when nobody reads on', async () => {
    const payer = await createEvmPayer(chains.evm)
    const cli = startCli(['pay', `${shop.url}/long`], agentOf(payer))
    cli.child.stdout?.once('data', () => cli.child.stdout?.destroy())
    expect(await cli.ended).toMatchObject({ code: 0, err: '' })
  })

  it('works on in a session that it has paid for, whose id it shows to nobody', async () => {
    const payer = await createEvmPayer(chains.evm)
    const agent = agentOf(payer)
    const first = await pay(payer, [`${shop.url}/steps/one`, '-i'], agent)
    expect(first.out).toContain('x-prudra-session-id: (kept: see coffer sessions)')
    const before = await earned()
    const second = await pay(payer, [`${shop.url}/steps/two`, '--json'], agent)
    expect(JSON.parse(second.out)).toMatchObject({ status: 200, payment: null })
    expect(await earned()).toBe(before)
    const third = await pay(payer, [`${shop.url}/steps/two`, '--session', 'none'], agent)
    expect([third.code, await earned()]).toEqual([0, before + 20_000n])
  })

  it('keeps to its limits, over all calls: 3, and nothing is signed', async () => {
    const payer = await createEvmPayer(chains.evm)
    const agent = agentOf(payer)
    const [before, runs] = [await earned(), shop.runs('/dear')]
    const refused = await pay(payer, [`${shop.url}/dear`], agent)
    expect([refused.code, refused.out]).toEqual([3, ''])
    expect(refused.err).toMatch(/^coffer pay: .*costs more than --max: at most 0\.1 USD.*\n$/)
    const limits = ['--max', '0.30', '--max-day', '0.40']
    expect(await pay(payer, [`${shop.url}/dear`, ...limits], agent)).toMatchObject({ code: 0 })
    const json = await pay(payer, [`${shop.url}/dear`, ...limits, '--json', '--session', 'none'], agent)
    expect(json.code).toBe(3)
    expect(JSON.parse(json.out)).toMatchObject({
      exitCode: 3,
      error: { code: 'payment-refused', attempt: null, refusals: [{ reason: 'over-budget' }, {}, {}] },
    })
    expect([await earned(), shop.runs('/dear')]).toEqual([before + 250_000n, runs + 1])
  })

  it.each([
    [[], 'expected one URL'],
    [['ftp://x'], 'https://'],
    [['http://user:hunter2@127.0.0.1/'], 'no password'],
    [['http://127.0.0.1/', '--max', '1e3'], '--max: expected US dollars'],
    [['http://127.0.0.1/', '--network', 'moon'], '--network: expected base'],
    [['http://127.0.0.1/', '--protocol', 'cash'], '--protocol'],
    [['http://127.0.0.1/', '--rpc', 'base=ftp://hunter2'], '--rpc'],
    [['http://127.0.0.1/', '-H', 'X-Key hunter2'], '--header'],
    [['http://127.0.0.1/', '--key-env', '0xhunter2'], '--key-env: expected the name'],
    [['http://127.0.0.1/', '--wallet', ''], '--wallet: expected a file'],
    [['http://127.0.0.1/', '--agent', ''], '--agent: expected a file'],
    [['http://127.0.0.1/', '--idempotency-key', ''], '--idempotency-key: expected'],
    [['http://127.0.0.1/', '--idempotency-key', 'a\nb'], '--idempotency-key: expected'],
    [['http://127.0.0.1/', '-d', '@/nonexistent'], '--data'],
    [['http://127.0.0.1/', '-o', '/nonexistent/x'], '--output'],
    [['http://127.0.0.1/', '--heder', 'x'], 'Did you mean --header?'],
  ])('ends with 2 for %j, and says why', async (args, why) => {
    const { code, out, err } = await pay(createPayer(), args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(why)
    expect(err).not.toContain('hunter2')
  })

  it('says where a wallet comes from when there is none, and never repeats a key that is none', async () => {
    const home = { COFFER_HOME: join(folder, 'nobody') }
    const none = await runProcess(['pay', `${shop.url}/a`], { env: home })
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('coffer wallet new')])
    const bad = await runProcess(['pay', `${shop.url}/a`], {
      env: { COFFER_PRIVATE_KEY: '0xdeadbeefsecret' },
    })
    expect([bad.code, bad.err]).toEqual([2, expect.stringContaining('COFFER_PRIVATE_KEY is no private key')])
    expect(bad.err).not.toContain('deadbeef')
  })

  it('ends with 1 where nobody answers, and for an answer of 400 and above, which is shown', async () => {
    const nobody = await pay(createPayer(), ['http://127.0.0.1:1/'])
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringMatching(/^coffer pay: fetch failed: .*\n$/)])
    const lost = await pay(createPayer(), [`${shop.url}/nothing`])
    expect([lost.code, lost.err]).toEqual([1, 'coffer pay: the server answered 404\n'])
    expect(lost.out).toContain('not-found')
  })

  it('ends with 4 for a payment whose answer failed, and fetches it with the same payment', async () => {
    const payer = await createEvmPayer(chains.evm)
    const agent = agentOf(payer)
    const first = await pay(payer, [`${shop.url}/broken`], agent)
    expect([first.code, first.err]).toEqual([
      4,
      expect.stringMatching(/coffer pay --resume att_\w+ tries again\n$/),
    ])
    const [, id = ''] = /--resume (att_\w+)/.exec(first.err) ?? []
    const again = await pay(payer, ['--resume', id], agent)
    expect(again).toMatchObject({ code: 0, out: 'no', err: '' })
    expect(await chains.evm.balanceOf(payer.address)).toBe(TEN_DOLLARS - 10_000n)
  })
})

describe('coffer pay, at servers of others', () => {
  const markets = createMarkets()

  it('sends a file that is longer than what is kept in memory, as often as it takes', async () => {
    const market = await markets(async ({ request, isPaid }) =>
      isPaid ? new Response(await request.arrayBuffer()) : ask(request.url),
    )
    const [from, to] = [join(folder, 'from.bin'), join(folder, 'to.bin')]
    const bytes = Buffer.alloc(5 * 2 ** 20, '0123456789abcdef\n\u00ff')
    writeFileSync(from, bytes)
    const args = ['-d', `@${from}`, '-H', 'Content-Type: application/octet-stream', '-o', to, '-X', 'PUT']
    const ended = await pay(createPayer(), [market.url, ...args])
    expect(ended).toMatchObject({ code: 0, out: '', err: '' })
    expect(readFileSync(to).equals(bytes)).toBe(true)
    expect(market.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT'])
  })

  it('says so when the server asks in words that nobody knows', async () => {
    const market = await markets(() => new Response('pay up', { status: 402 }))
    const { code, out, err } = await pay(createPayer(), [market.url])
    expect({ code, out }).toEqual({ code: 1, out: 'pay up' })
    expect(err).toBe(
      'coffer pay: the server answered 402, in words that are not known here: coffer inspect says more\n',
    )
  })

  it.each([
    [['--network', 'base'], 'eip155:84532 is not among --network.'],
    [['--protocol', 'mpp'], 'x402 is not among --protocol.'],
    [['--origin', 'https://api.example.com'], 'is not among --origin.'],
    [['--recipient', `0x${'1'.repeat(40)}`], 'pays somebody who is not to be paid.'],
  ])('pays only as %j says', async (args, why) => {
    const market = await markets(({ request }) => ask(request.url))
    const { code, err } = await pay(createPayer(), [market.url, ...args])
    expect([code, err]).toEqual([3, expect.stringContaining(why)])
    expect(market.credentials()).toEqual([])
  })

  it('ends with 2 for an attempt or a session that there is not', async () => {
    const resumed = await pay(createPayer(), ['--resume', 'att_nothing'])
    expect([resumed.code, resumed.err]).toEqual([2, expect.stringContaining('resume.id')])
    const market = await markets(() => new Response('free'))
    const session = await pay(createPayer(), [market.url, '--session', 'cses_nothing'])
    expect([session.code, session.err]).toEqual([2, expect.stringContaining('session')])
  })

  it('tells of a receipt that is for something else, and hands the answer out', async () => {
    const market = await markets(({ request, isPaid }) =>
      isPaid ? new Response('goods', { headers: paymentResponse({ amount: '1' }) }) : ask(request.url),
    )
    const { code, out, err } = await pay(createPayer(), [market.url])
    expect({ code, out }).toEqual({ code: 0, out: 'goods' })
    expect(err).toContain('the receipt is not for this payment: Its amount is 1, not 10000.')
  })

  it('asks again for an answer that broke off, by the same payment', async () => {
    const payer = await createEvmPayer(chains.evm)
    const agent = agentOf(payer)
    const cli = startCli(['pay', '-v', `${shop.url}/cut`, '--network', 'base-sepolia', '--json'], agent)
    await cli.says('· paid')
    cli.child.kill('SIGINT')
    const ended = await cli.ended
    release()
    expect(ended).toMatchObject({
      code: 1,
      err: expect.stringMatching(/broke off: coffer pay --resume att_\w+ asks/),
    })
    const { error } = JSON.parse(ended.out)
    expect(error).toMatchObject({ code: 'answer-broken-off', attempt: expect.stringMatching(/^att_/) })
    const again = await pay(payer, ['--resume', error.attempt], agent)
    expect(again).toMatchObject({ code: 0, out: 'begin end', err: '' })
    expect(shop.runs('/cut')).toBe(1)
    expect(await chains.evm.balanceOf(payer.address)).toBe(TEN_DOLLARS - 10_000n)
  })
})

describe('coffer pay --dry-run', () => {
  it.each([
    ['x402', ['--protocol', 'x402'], 'TransferWithAuthorization'],
    ['MPP evm', ['--protocol', 'mpp', '--network', 'base-sepolia'], 'TransferWithAuthorization'],
    ['MPP tempo', ['--protocol', 'mpp', '--network', 'tempo-moderato'], 'transferWithMemo'],
  ])('shows what %s would sign, with an address and no key', async (_name, args, kind) => {
    const { address } = await createTempoPayer(chains.tempo)
    const { COFFER_PRIVATE_KEY: _, ...env } = agentOf(createPayer()).env
    const [before, runs] = [await earned(), shop.runs('/a')]
    const dry = ['pay', '--dry-run', '--from', address, `${shop.url}/a`, ...args]
    const words = await runProcess(dry, { env })
    expect(words).toMatchObject({ code: 0, err: '' })
    for (const text of [kind, '0.01', address, shop.seller, 'nothing was signed'])
      expect(words.out).toContain(text)
    expect(words.out).not.toMatch(/0x[0-9a-f]{130}(?![0-9a-f])/)
    const json = await runProcess([...dry, '--json'], { env })
    expect(JSON.parse(json.out)).toMatchObject({
      dryRun: true,
      status: 402,
      payer: address,
      offer: { amount: '0.01', recipient: shop.seller },
      signing: { kind: kind === 'transferWithMemo' ? 'transaction' : 'typed-data' },
    })
    expect([await earned(), shop.runs('/a')]).toEqual([before, runs])
    expect(() => statSync(env['COFFER_AGENT'] ?? '')).toThrow()
  })

  it('goes by the sums of the agent, and names what would be taken up or tried first', async () => {
    const payer = await createEvmPayer(chains.evm)
    const agent = agentOf(payer)
    await pay(payer, [`${shop.url}/steps/one`], agent)
    const over = await pay(payer, ['--dry-run', `${shop.url}/a`, '--max-total', '0.025'], agent)
    expect([over.code, over.err]).toEqual([3, expect.stringContaining('--max-total')])
    const dry = await pay(payer, ['--dry-run', `${shop.url}/a`], agent)
    expect(dry.out).toMatch(/^A session of this origin would be tried first: cses_/)
    expect(await pay(payer, ['--dry-run', `${shop.url}/nothing`], agent)).toMatchObject({
      code: 0,
      out: expect.stringContaining('The server answered 404: nothing would be paid.'),
    })
  })
})

describe('a payment that is interrupted', () => {
  const markets = createMarkets()

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'by %s is taken up by the next call, and made once',
    async (signal) => {
      const payer = await createEvmPayer(chains.evm)
      const agent = agentOf(payer)
      const before = await earned()
      let arrived = (): void => {}
      const arrival = new Promise<void>((resolve) => {
        arrived = resolve
      })
      let isOpen = false
      // Stands before the shop, and lets no paid answer through at first.
      const gate = await markets(async ({ request, isPaid }) => {
        const target = new URL(new URL(request.url).pathname, shop.url)
        const headers = new Headers(request.headers)
        headers.delete('host')
        const answer = await fetch(target, { headers })
        const body = (await answer.text()).replaceAll(shop.url, gate.url)
        if (isPaid && !isOpen) {
          arrived()
          await new Promise((resolve) => setTimeout(resolve, 300))
        }
        const fields = new Headers(answer.headers)
        for (const name of [
          'content-encoding',
          'content-length',
          'payment-required',
          'transfer-encoding',
          'connection',
        ])
          fields.delete(name)
        return new Response(body, { status: answer.status, headers: fields })
      })
      const args = ['pay', `${gate.url}/a`, '--protocol', 'mpp', '--network', 'base-sepolia']
      const cli = startCli(args, agent)
      await arrival
      cli.child.kill(signal)
      const ended = await cli.ended
      expectNoSecrets(ended, payer.privateKey)
      expect(ended).toMatchObject(signal === 'SIGINT' ? { code: 4, signal: null } : { code: null, signal })
      if (signal === 'SIGINT') expect(ended.err).toMatch(/^coffer pay: .*resume the attempt att_/)
      isOpen = true
      const again = await pay(payer, args.slice(1), agent)
      expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/^\{"run":\d+\}$/) })
      expect(gate.credentials()).toHaveLength(1)
      expect(await earned()).toBe(before + 10_000n)
      expect(await chains.evm.balanceOf(payer.address)).toBe(TEN_DOLLARS - 10_000n)
    },
  )

  it('is in doubt with 4 while nobody knows, and is not made anew', async () => {
    const payer = await createEvmPayer(chains.evm)
    const market = await markets(({ request, isPaid }) =>
      isPaid ? new Response('later', { status: 503 }) : ask(request.url),
    )
    const agent = agentOf(payer)
    for (let time = 0; time < 2; time++) {
      const { code, err } = await pay(payer, [`${market.url}/a`, '--patience', '0'], agent)
      expect([code, err]).toEqual([
        4,
        expect.stringMatching(
          /^coffer pay: .*resume the attempt att_\w+, do not pay again\. \(coffer pay --resume att_\w+\)\n$/,
        ),
      ])
    }
    expect(market.credentials()).toHaveLength(1)
    expect(await chains.evm.balanceOf(SELLER)).toBe(0n)
  })
})
