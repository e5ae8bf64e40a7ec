import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { facilitator } from '../../src/protocols/x402/facilitator.ts'
import { listen } from '../adapters/server.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { type LocalFacilitator, startFacilitator } from '../chains/facilitator.ts'
import { startFaultyRpc } from '../chains/faulty-rpc.ts'
import { mppEvm, type PayingFetch, x402V1, x402V2 } from '../clients/official.ts'
import { createEvmPayer, createPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { receiptOf } from '../clients/receipts.ts'
import { createWire, send } from '../clients/wire.ts'
import { at } from '../evm/signing.ts'
import { newAddress, openShop, type Shop, type Ware } from './shop.ts'

const PRICE = 10_000n
const WARES = { '/report': { price: '0.01' }, '/after': { price: '0.01', settle: 'after' } } satisfies Record<
  string,
  Ware
>

/** What becomes of a settlement on its way to the facilitator and back; other calls pass. */
type Meddling = {
  /** Whether the facilitator sees the call at all. Default true. */
  readonly forward?: boolean
  /** The answer instead; `null` breaks the connection. Default: as it is. */
  readonly answer?: (honest: JsonObject) => Response | null
}

let chain: EvmChain
let honest: LocalFacilitator
let relay: Awaited<ReturnType<typeof listen>>
let meddling: Meddling = {}
/** What settlements wait for before their answer goes back. */
let hold: Promise<void> | null = null

beforeAll(async () => {
  chain = await startEvmChain()
  honest = await startFacilitator(chain, at(chain.accounts, 1))
  relay = await listen(async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    const how = req.url === '/settle' ? meddling : {}
    const { forward = true, answer = (honest) => Response.json(honest) } = how
    const init = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
    const settled = forward ? await (await fetch(honest.url + req.url, init)).json() : {}
    if (req.url === '/settle') await hold
    const response = answer(settled as JsonObject)
    if (response === null) return void req.socket.destroy()
    res.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text())
  })
})
afterEach(() => {
  meddling = {}
  hold = null
})
afterAll(async () => {
  await relay?.close()
  await honest?.stop()
  await chain?.stop()
})

const connections = (payer: Payer, fetch?: typeof globalThis.fetch): Record<string, PayingFetch> => ({
  'x402 v2': x402V2(payer.privateKey, chain.chainId, fetch),
  'x402 v1': x402V1(payer.privateKey, chain, fetch),
  'MPP evm': mppEvm(payer.privateKey, chain, fetch),
})
const codeOf = async (response?: Response): Promise<unknown> =>
  JSON.parse((await response?.text()) ?? '{}').code
const names = ['x402 v2', 'x402 v1', 'MPP evm'] as const

describe("a shop that settles through the SDK's own facilitator, without a chain of its own", () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop(WARES, { evm: [chain], evmRpc: null, settle: facilitator({ url: honest.url }) })
  })
  afterAll(() => shop?.stop())

  it.each(names)('is paid by %s', async (name) => {
    const [payer, earned] = [await createEvmPayer(chain), await chain.balanceOf(shop.seller)]
    const response = await connections(payer)[name]?.(`${shop.url}/report`)
    expect(response?.status).toBe(200)
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - PRICE)
    expect((await chain.balanceOf(shop.seller)) - earned).toBe(PRICE)
    const transaction = response && receiptOf(response)
    expect(await chain.request('eth_getTransactionReceipt', [transaction])).toMatchObject({ status: '0x1' })
  })

  it.each(['/report', '/after'])(
    'asked for %s by a payer without money says no, and nothing runs',
    async (path) => {
      const ranBefore = shop.runs(path)
      const response = await connections(createPayer())['x402 v2']?.(shop.url + path)
      expect(response?.status).toBe(402)
      expect(await response?.json()).toMatchObject({
        code: 'payment-verification-failed',
        cause: expect.stringMatching(/^(?:insufficient|invalid_exact_evm)/),
        charged: false,
      })
      expect(shop.runs(path)).toBe(ranBefore)
    },
  )
})

describe('a facilitator that is not to be believed', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop(WARES, { evm: [chain], settle: facilitator({ url: relay.url }) })
  })
  afterAll(() => shop?.stop())

  const lies = {
    'another payer': { payer: newAddress() },
    'another amount': { amount: '1' },
    'another network': { network: 'eip155:8453' },
    'another recipient': { payTo: newAddress() },
    'no transaction': { transaction: '' },
  }
  const refusals: readonly (readonly [string, Meddling])[] = [
    ...Object.entries(lies).map(([what, lie]): readonly [string, Meddling] => [
      `settles and names ${what} (case 7)`,
      { answer: (honest) => Response.json({ ...honest, ...lie }) },
    ]),
    ...Object.entries(lies).map(([what, lie]): readonly [string, Meddling] => [
      `does not settle and names ${what} (case 7)`,
      {
        forward: false,
        answer: () =>
          Response.json({
            success: true,
            transaction: `0x${'ab'.repeat(32)}`,
            network: 'eip155:84532',
            ...lie,
          }),
      },
    ]),
    ['settles and breaks off (case 4)', { answer: () => null }],
    ['breaks off before it settles', { forward: false, answer: () => null }],
    ['settles and answers 500 (case 6)', { answer: () => new Response('no', { status: 500 }) }],
    ['settles and answers HTML (case 6)', { answer: () => new Response('<h1>Maintenance</h1>') }],
    ['settles and answers nothing (case 6)', { answer: () => new Response('') }],
    [
      'settles and answers 2 MB (case 6)',
      { answer: (honest) => Response.json({ ...honest, x: 'x'.repeat(2 ** 21) }) },
    ],
    [
      'answers success with an error status',
      { forward: false, answer: () => Response.json({ success: true }, { status: 500 }) },
    ],
  ]

  it.each([
    ['/report', 0],
    ['/after', 1],
  ] as const)('that refuses: %s gives nothing away, and says why (case 5)', async (path, runs) => {
    const [payer, ranBefore] = [await createEvmPayer(chain), shop.runs(path)]
    const answer = () => Response.json({ success: false, errorReason: 'insufficient_funds', transaction: '' })
    meddling = { forward: false, answer }
    const response = await connections(payer)['x402 v2']?.(shop.url + path)
    expect(response?.status).toBe(402)
    expect(response?.headers.has('payment-response')).toBe(false)
    expect(await response?.json()).toMatchObject({
      code: 'payment-verification-failed',
      cause: 'insufficient_funds',
      charged: false,
    })
    expect(shop.runs(path) - ranBefore).toBe(runs)
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS)
  })

  it.each(refusals)(
    'that %s: 503, nothing granted; then the same credential works, charged once',
    async (_what, how) => {
      const [payer, wire, ranBefore] = [await createEvmPayer(chain), createWire(), shop.runs('/report')]
      meddling = how
      const doubtful = await connections(payer, wire.fetch)['x402 v2']?.(`${shop.url}/report`)
      expect(doubtful?.status).toBe(503)
      expect(doubtful?.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(doubtful?.headers.has('payment-required')).toBe(false)
      expect(await doubtful?.json()).toMatchObject({
        code: 'settlement-unknown',
        charged: 'unknown',
        retryable: true,
      })
      expect(shop.runs('/report')).toBe(ranBefore)

      meddling = {}
      expect((await send(wire.paid())).status).toBe(200)
      expect((await send(wire.paid())).status).toBe(409)
      expect(shop.runs('/report') - ranBefore).toBe(1)
      expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - PRICE)
    },
  )
})

describe('a facilitator in trouble, and no chain to ask', () => {
  let shop: Shop
  beforeAll(async () => {
    const background: Ware = { price: '0.01', settle: 'background', serve: () => slow.answer() }
    const wares = { ...WARES, '/background': background }
    shop = await openShop(wares, { evm: [chain], evmRpc: null, settle: facilitator({ url: relay.url }) })
  })
  afterAll(() => shop?.stop())

  /** A handler that answers when it is told to. */
  const slow = {
    answer: async (): Promise<Response> => new Response('now'),
  }

  it.each<[string, Meddling, string]>([
    [
      'turns the settlement away',
      { forward: false, answer: () => new Response('busy', { status: 429 }) },
      'settlement-unavailable',
    ],
    ['breaks off before it settles', { forward: false, answer: () => null }, 'settlement-unknown'],
  ])('that %s: 503, and then the same credential works, charged once', async (_what, how, code) => {
    const [payer, wire, ranBefore] = [await createEvmPayer(chain), createWire(), shop.runs('/report')]
    meddling = how
    const doubtful = await connections(payer, wire.fetch)['x402 v2']?.(`${shop.url}/report`)
    expect([doubtful?.status, await codeOf(doubtful)]).toEqual([503, code])

    meddling = {}
    expect((await send(wire.paid())).status).toBe(200)
    expect((await send(wire.paid())).status).toBe(409)
    expect(shop.runs('/report') - ranBefore).toBe(1)
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - PRICE)
  })

  it('that settles and breaks off: never 402, whatever it says when it is asked again (case 4)', async () => {
    const [payer, wire, ranBefore] = [await createEvmPayer(chain), createWire(), shop.runs('/report')]
    meddling = { answer: () => null }
    expect((await connections(payer, wire.fetch)['x402 v2']?.(`${shop.url}/report`))?.status).toBe(503)
    meddling = {}
    const again = await send(wire.paid())
    expect([again.status, await codeOf(again)]).toEqual([503, 'settlement-unknown'])
    expect(shop.runs('/report')).toBe(ranBefore)
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - PRICE)
  })

  it('that settles while a background handler answers: the book has it', async () => {
    const payer = await createEvmPayer(chain)
    const [answering, settling] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    slow.answer = async () => {
      await answering.promise
      return new Response('now')
    }
    const response = connections(payer)['x402 v2']?.(`${shop.url}/background`)
    while (shop.runs('/background') === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    // The money has moved, and its answer comes back when the handler has ended.
    hold = settling.promise
    const tick = shop.coffer.tick()
    while ((await chain.balanceOf(payer.address)) === TEN_DOLLARS)
      await new Promise((resolve) => setTimeout(resolve, 10))
    answering.resolve()
    expect((await response)?.status).toBe(200)
    settling.resolve()
    await tick
    const { payments } = await shop.coffer.payments.list({ limit: 1 })
    expect(payments).toMatchObject([{ status: 'settled', delivery: 'delivered', settle: 'background' }])
  })
})

describe("the SDK's own facilitator behind a node whose answers get lost", () => {
  it('says that it failed when the money moved: 503, and the same credential works, charged once', async () => {
    const node = await startFaultyRpc(chain.url)
    const local = await startFacilitator({ ...chain, url: node.url }, at(chain.accounts, 3))
    const shop = await openShop(WARES, { evm: [chain], settle: facilitator({ url: local.url }) })
    const [payer, wire] = [await createEvmPayer(chain), createWire()]
    node.fail = (method) => (method === 'eth_sendRawTransaction' ? 'drop-answer' : null)
    const doubtful = await connections(payer, wire.fetch)['x402 v2']?.(`${shop.url}/report`)
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - PRICE)
    expect([doubtful?.status, await codeOf(doubtful)]).toEqual([503, 'settlement-unknown'])
    expect(shop.runs('/report')).toBe(0)
    node.fail = () => null
    expect((await send(wire.paid())).status).toBe(200)
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - PRICE)
    await Promise.all([shop.stop(), local.stop(), node.stop()])
  })
})
