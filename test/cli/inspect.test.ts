import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { encodeBase64 } from '../../src/lib/base64.ts'
import { canonicalJson, type JsonObject } from '../../src/lib/json.ts'
import { type LocalFacilitator, startFacilitator } from '../chains/facilitator.ts'
import { createMarkets, paymentRequired, requirement, SELLER } from '../client/market.ts'
import { openHono, openMppx, openV1 } from '../client/peer-servers.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { openX402Express } from '../end-to-end/stalls.ts'
import { at } from '../evm/signing.ts'
import { runProcess } from './process.ts'
import { run } from './terminal.ts'

let chains: Chains
let settling: LocalFacilitator
let shop: Shop

beforeAll(async () => {
  for (const method of ['log', 'info', 'warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation(() => {})
  chains = await startChains()
  settling = await startFacilitator(chains.evm, at(chains.evm.accounts, 1))
  shop = await openShop(
    { '/a': { price: '0.01', description: 'Report "1"' } },
    { evm: [chains.evm], tempo: chains.tempo },
  )
})
afterAll(async () => {
  vi.restoreAllMocks()
  await shop?.stop()
  await settling?.stop()
  await stopChains(chains)
})

/** Codes of remarks by severity, and the exit code. */
async function inspect(
  ...args: string[]
): Promise<{ code: number; error: string[]; warning: string[]; note: string[] }> {
  const { code, out } = await run(['inspect', '--json', ...args])
  const { remarks } = JSON.parse(out) as { remarks: { severity: string; code: string }[] }
  const of = (severity: string) => [
    ...new Set(remarks.filter((each) => each.severity === severity).map((each) => each.code)),
  ]
  return { code, error: of('error'), warning: of('warning'), note: of('note') }
}

describe('coffer inspect', () => {
  it('finds nothing against a shop of ours, and explains every field of its offers', async () => {
    const runs = shop.runs('/a')
    expect(await inspect(`${shop.url}/a`)).toEqual({ code: 0, error: [], warning: [], note: [] })
    const { code, out, err } = await runProcess(['inspect', `${shop.url}/a`])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const text of [
      'PAYMENT-REQUIRED: what an x402 version 2 server asks for',
      'x402 version 1: what the server asks for, in the body',
      'challenge 1: tempo charge',
      'challenge 2: evm charge',
      'the price: 0.01 USDC',
      'the price: 0.01 pathUSD',
      'base-sepolia (eip155:84532)',
      shop.seller,
      '0 errors, 0 warnings, 0 notes',
    ])
      expect(out).toContain(text)
    expect(shop.runs('/a')).toBe(runs)
  })

  it('inspects other methods, with fields and a body', async () => {
    const args = ['-X', 'POST', '-d', '{"a":1}', '-H', 'X-Trace: 7']
    expect(await inspect(`${shop.url}/a`, ...args)).toEqual({ code: 0, error: [], warning: [], note: [] })
  })

  it('ends with 1 where nobody answers', async () => {
    expect(await inspect('http://127.0.0.1:9/')).toMatchObject({ code: 1, error: [expect.any(String)] })
  })

  it.each([
    [
      '@x402/express',
      () => openX402Express({ '/a': (_req, res) => void res.json({}) }, { facilitator: settling.url }),
      ['head-unpaid'],
      ['cors-origin', 'preflight-refused'],
      ['no-problem', 'no-x402-v1', 'no-mpp'],
    ],
    [
      '@x402/hono',
      () => openHono(settling),
      ['head-unpaid'],
      ['cors-origin', 'preflight-refused'],
      ['no-problem', 'no-x402-v1', 'no-mpp'],
    ],
    [
      'x402-express',
      () => openV1(settling),
      ['head-unpaid'],
      ['no-store-missing', 'cors-origin', 'preflight-refused'],
      ['no-problem', 'no-x402', 'no-mpp'],
    ],
    ['mppx evm', () => openMppx('evm', chains), ['preflight-priced'], ['cors-origin'], ['no-x402-v1']],
    [
      'mppx tempo',
      () => openMppx('tempo', chains),
      ['preflight-priced'],
      ['cors-origin'],
      ['no-x402', 'no-x402-v1'],
    ],
  ])('reads what %s asks, and says who cannot pay it', async (_name, open, error, warning, note) => {
    const server = await open()
    try {
      const found = await inspect(`${server.url}/a`)
      // mppx has one id for all who ask in the same millisecond.
      expect({ ...found, error: found.error.filter((code) => code !== 'challenge-reused') }).toEqual({
        code: 1,
        error,
        warning,
        note,
      })
      expect(server.runs()).toBeLessThanOrEqual(1)
    } finally {
      await server.close()
    }
  })
})

describe('coffer inspect, of what is wrong', () => {
  const markets = createMarkets()

  /** A 402 with everything that clients want, but for a change. */
  const answer = (
    url: string,
    fields: Readonly<Record<string, string | null>> = {},
    body = '{}',
  ): Response => {
    const headers = new Headers({
      'payment-required': paymentRequired(url),
      'www-authenticate': challenge(),
      'cache-control': 'no-store',
      'content-type': 'application/json',
    })
    for (const [name, value] of Object.entries(fields)) {
      if (value === null) headers.delete(name)
      else headers.set(name, value)
    }
    return new Response(body, { status: 402, headers })
  }

  it.each<[string, (url: string) => Response]>([
    ['not-base64', (url) => answer(url, { 'payment-required': unpadded(url) })],
    ['not-json', (url) => answer(url, { 'payment-required': 'b25l' })],
    [
      'x402-version',
      (url) => answer(url, { 'payment-required': required(url, [requirement()], { x402Version: 1 }) }),
    ],
    ['accepts-empty', (url) => answer(url, { 'payment-required': paymentRequired(url, []) })],
    [
      'resource-relative',
      (url) => answer(url, { 'payment-required': paymentRequired(new URL(url).pathname) }),
    ],
    [
      'resource-differs',
      (url) => answer(url, { 'payment-required': paymentRequired('https://other.example/a') }),
    ],
    [
      'price-differs',
      (url) => answer(url, { 'payment-required': paymentRequired(url, [requirement({ amount: '20000' })]) }),
    ],
    [
      'malformed-member',
      (url) => answer(url, { 'payment-required': paymentRequired(url, [requirement({ amount: '0x10' })]) }),
    ],
    [
      'recipient-zero',
      (url) =>
        answer(url, {
          'payment-required': paymentRequired(url, [requirement({ payTo: `0x${'0'.repeat(40)}` })]),
        }),
    ],
    [
      'domain-differs',
      (url) =>
        answer(url, {
          'payment-required': paymentRequired(url, [
            requirement({ extra: { name: 'USD Coin', version: '2' } }),
          ]),
        }),
    ],
    [
      'domain-missing',
      (url) => answer(url, { 'payment-required': paymentRequired(url, [requirement({ extra: {} })]) }),
    ],
    [
      'network-not-caip2',
      (url) =>
        answer(url, { 'payment-required': paymentRequired(url, [requirement({ network: 'base-sepolia' })]) }),
    ],
    [
      'network-not-v1',
      (url) =>
        answer(url, {}, JSON.stringify({ x402Version: 1, accepts: [v1(url, { network: 'eip155:84532' })] })),
    ],
    [
      'price-differs',
      (url) =>
        answer(url, {}, JSON.stringify({ x402Version: 1, accepts: [v1(url, { maxAmountRequired: '1' })] })),
    ],
    ['www-authenticate-malformed', (url) => answer(url, { 'www-authenticate': 'Payment id="a' })],
    [
      'challenge-incomplete',
      (url) => answer(url, { 'www-authenticate': `${challenge()}, Payment id="b", method="tempo"` }),
    ],
    [
      'challenge-id-repeated',
      (url) => answer(url, { 'www-authenticate': `${challenge({ id: 'a' })}, ${challenge({ id: 'a' })}` }),
    ],
    [
      'challenge-expired',
      (url) => answer(url, { 'www-authenticate': challenge({ expires: '2020-01-01T00:00:00Z' }) }),
    ],
    ['decimals-differ', (url) => answer(url, { 'www-authenticate': challenge({}, { decimals: 18 }) })],
    ['challenge-reused', (url) => answer(url, { 'www-authenticate': challenge({ id: 'fixed' }) })],
    ['cacheable', (url) => answer(url, { 'cache-control': 'public, max-age=60' })],
    ['no-offer', (url) => answer(url, { 'www-authenticate': 'Bearer', 'payment-required': null })],
    ['not-402', () => new Response('free')],
  ])('finds %s', async (code, serve) => {
    const { url } = await markets(({ request }) =>
      request.method === 'OPTIONS' ? new Response(null, { status: 204 }) : serve(request.url),
    )
    const found = await inspect(`${url}/a`)
    expect(found.code).toBe(1)
    expect(found.error).toContain(code)
    // What is not changed is right.
    if (!['no-offer', 'not-402'].includes(code))
      expect(found.error.filter((each) => each !== code).length).toBeLessThan(2)
  })

  it('lets no control character of a server through to the terminal', async () => {
    const { url } = await markets(({ request }) =>
      answer(request.url, {
        'payment-required': required(request.url, [requirement()], {
          resource: { url: request.url, description: '\u001b[2J\u202egnol\r\nerror' },
          '\u001b]0;name\u0007': 'value',
        }),
      }),
    )
    const { out } = await run(['inspect', `${url}/a`])
    expect(out).toContain('\\u{1b}[2J\\u{202e}gnol\\u{d}\\u{a}error')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })

  it('follows redirects to an end, and tells no other server what was meant for one', async () => {
    const other = await markets(({ request }) => answer(request.url))
    const first = await markets(({ request }) =>
      new URL(request.url).pathname === '/loop'
        ? new Response(null, { status: 302, headers: { location: '/loop' } })
        : new Response(null, { status: 307, headers: { location: `${other.url}/a` } }),
    )
    expect(await inspect(`${first.url}/loop`)).toMatchObject({
      code: 1,
      error: ['redirect-endless', 'not-402'],
      warning: ['redirected'],
    })
    expect(first.requests).toHaveLength(6)
    const away = await inspect(`${first.url}/away`, '-H', 'Authorization: Bearer hunter2')
    expect(away.error).toContain('redirected-away')
    expect(first.requests.at(-1)?.headers['authorization']).toBe('Bearer hunter2')
    expect(JSON.stringify(other.requests)).not.toContain('hunter2')
  })
})

describe('coffer inspect, of a hostile server', () => {
  let server: Server | undefined
  afterEach(async () => {
    if (server?.listening) await once(server.close(), 'close')
  })

  /** Answers as no server would, and never ends by itself. */
  async function listen(head: string, chunk: string, everyMs: number | null): Promise<string> {
    server = createServer((socket) => {
      socket.on('error', () => {}).resume()
      socket.write(head)
      const more = (): void => {
        if (socket.destroyed || everyMs === null) return
        if (socket.write(chunk)) setTimeout(more, everyMs)
        else socket.once('drain', more)
      }
      more()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/a`
  }

  /** In little memory, and not much longer than the time-out allows. */
  async function within(url: string): Promise<string[]> {
    const started = performance.now()
    const args = ['inspect', url, '--timeout', '1', '--json']
    const ended = await runProcess(args, { env: { NODE_OPTIONS: '--max-old-space-size=48' } })
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(ended).toMatchObject({ code: 1, err: '' })
    return (JSON.parse(ended.out) as { remarks: { code: string }[] }).remarks.map(({ code }) => code)
  }

  const HEAD = 'HTTP/1.1 402 Payment Required\r\n'

  it.each<[string, () => Promise<string>, string]>([
    [
      'a challenge of 10 MB',
      () => listen(`${HEAD}PAYMENT-REQUIRED: ${'A'.repeat(10 * 2 ** 20)}\r\n\r\n`, '', null),
      'head-too-large',
    ],
    ['fields without end', () => listen(HEAD, `X-More: ${'x'.repeat(1000)}\r\n`, 0), 'head-too-large'],
    ['a head that does not come', () => listen('', '', null), 'too-slow'],
    ['a body without end', () => listen(`${HEAD}\r\n`, 'x'.repeat(65_536), 0), 'body-unread'],
    ['a body that trickles', () => listen(`${HEAD}\r\n`, 'x', 50), 'body-unread'],
  ])('ends in time for %s', async (_what, open, code) => {
    expect(await within(await open())).toContain(code)
  })
})

/** A challenge of MPP for a cent on Base Sepolia, unless told otherwise. */
function challenge(params: Readonly<Record<string, string>> = {}, details: JsonObject = {}): string {
  const request = {
    amount: '10000',
    currency: requirement()['asset'] ?? '',
    recipient: SELLER,
    methodDetails: { chainId: 84532, credentialTypes: ['authorization'], decimals: 6, ...details },
  }
  const all = {
    id: crypto.randomUUID(),
    realm: '127.0.0.1',
    method: 'evm',
    intent: 'charge',
    request: Buffer.from(canonicalJson(request)).toString('base64url'),
    expires: new Date(Date.now() + 300_000).toISOString(),
    ...params,
  }
  return `Payment ${Object.entries(all)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`
}

function required(url: string, accepts: readonly JsonObject[], more: JsonObject): string {
  return encodeBase64(JSON.stringify({ x402Version: 2, resource: { url }, accepts, ...more }))
}

/** As some servers write it: without the padding that there should be. */
function unpadded(url: string): string {
  const padded = [0, 1, 2].map((length) => required(url, [requirement()], { pad: 'x'.repeat(length) }))
  return (padded.find((text) => text.endsWith('=')) ?? '').replace(/=+$/, '')
}

/** A way to pay a cent by x402 version 1. */
function v1(url: string, change: JsonObject): JsonObject {
  const { amount = '', ...others } = requirement()
  return {
    ...others,
    network: 'base-sepolia',
    maxAmountRequired: amount,
    resource: url,
    description: '',
    mimeType: '',
    ...change,
  }
}
