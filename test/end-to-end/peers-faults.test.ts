import type { RequestHandler } from 'express'
import { Mppx, evm as peerEvm, tempo as peerTempo } from 'mppx/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { facilitator } from '../../src/protocols/x402/facilitator.ts'
import { memory } from '../../src/stores/memory.ts'
import { listen } from '../adapters/server.ts'
import { type LocalFacilitator, startFacilitator } from '../chains/facilitator.ts'
import { startFaultyRpc } from '../chains/faulty-rpc.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { mppEvm, mppTempo, type PayingFetch, x402V1, x402V2 } from '../clients/official.ts'
import { createEvmPayer, createTempoPayer, type Payer, TEN_DOLLARS, tempoClient } from '../clients/payers.ts'
import { createWire, preparePaid, type Sent, send } from '../clients/wire.ts'
import { at } from '../evm/signing.ts'
import { newAddress, openShop } from './shop.ts'
import { type Goods, openOurs, openX402Express, type Stall } from './stalls.ts'

const PRICE = 10_000n

let chains: Chains
let settling: LocalFacilitator
const open: { close(): Promise<void> }[] = []

/** What peers write there is theirs; what we write there fails the test that looks. */
const METHODS = ['log', 'info', 'warn', 'error', 'debug'] as const
let printed: ReturnType<typeof vi.spyOn>[]

beforeAll(async () => {
  chains = await startChains()
  settling = await startFacilitator(chains.evm, at(chains.evm.accounts, 1))
})
beforeEach(() => {
  printed = METHODS.map((method) => vi.spyOn(console, method).mockImplementation(() => {}))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(open.splice(0).map((one) => one.close()))
})
afterAll(async () => {
  await settling?.stop()
  await stopChains(chains)
})

/** The peer's stall and ours, with the same goods. */
async function openBoth(
  goods: () => Goods,
  ours: Parameters<typeof openOurs>[2] = {},
  peer: Partial<Parameters<typeof openX402Express>[1]> = {},
): Promise<{ peer: Stall; ours: Stall }> {
  const stalls = {
    peer: await openX402Express(goods(), { facilitator: settling.url, ...peer }),
    ours: await openOurs(goods(), { evm: [chains.evm], tempo: chains.tempo }, ours),
  }
  open.push(stalls.peer, stalls.ours)
  return stalls
}

/** A payer with its client, and what it has spent. */
async function createBuyer() {
  const [payer, wire] = [await createEvmPayer(chains.evm), createWire()]
  const connect = (fetch: typeof globalThis.fetch): PayingFetch => x402V2(payer.privateKey, 84532, fetch)
  return {
    payer,
    pay: connect(wire.fetch),
    prepare: (url: string): Promise<Sent> => preparePaid(connect, url),
    again: () => send(wire.paid()),
    spent: async () => TEN_DOLLARS - (await chains.evm.balanceOf(payer.address)),
  }
}

const ok: RequestHandler = (_req, res) => void res.json({ bought: true })

describe('fault 1: five concurrent requests with one credential run the handler once', () => {
  /** Answers when as many are there as expected: so no request is late, however busy the machine. */
  const gather = (expected: number): Goods => {
    const { promise: complete, resolve } = Promise.withResolvers<void>()
    let present = 0
    return {
      '/a': async (_req, res) => {
        if (++present === expected) resolve()
        await complete
        res.json({})
      },
    }
  }

  async function sendFive(stall: Stall, runs: number, status: number): Promise<void> {
    open.push(stall)
    const buyer = await createBuyer()
    const sent = await buyer.prepare(`${stall.url}/a`)
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(sent)))
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, status, status, status, status])
    expect([stall.runs(), await buyer.spent()]).toEqual([runs, PRICE])
  }

  // The peer asks the chain about each of the five; when one does not hear back in time, four wait for it in vain.
  it('not so the peer', { retry: 2, timeout: 15_000 }, async () => {
    await sendFive(await openX402Express(gather(5), { facilitator: settling.url }), 5, 402)
  })

  it('once', async () => {
    await sendFive(await openOurs(gather(1), { evm: [chains.evm] }), 1, 409)
  })
})

it('fault 2: a credential that was bought for one route buys no other at the same price', async () => {
  const { peer, ours } = await openBoth(() => ({ '/a': ok, '/b': ok }))
  for (const [stall, status, runs] of [
    [peer, 200, 1],
    [ours, 402, 0],
  ] as const) {
    const buyer = await createBuyer()
    const sent = await buyer.prepare(`${stall.url}/a`)
    expect((await send(sent, { url: `${stall.url}/b` })).status).toBe(status)
    expect(stall.runs()).toBe(runs)
  }
})

it('fault 4: HEAD does not run a GET handler unpaid', async () => {
  const { peer, ours } = await openBoth(() => ({ '/a': ok }))
  for (const [stall, status, runs] of [
    [peer, 200, 1],
    [ours, 402, 0],
  ] as const) {
    expect([(await fetch(`${stall.url}/a`, { method: 'HEAD' })).status, stall.runs()]).toEqual([status, runs])
  }
  const buyer = await createBuyer()
  const sent = await buyer.prepare(`${ours.url}/a`)
  expect((await send(sent, { method: 'HEAD' })).status).toBe(200)
  expect([ours.runs(), await buyer.spent()]).toEqual([1, PRICE])
})

it("fault 5: a status that is written by hand counts: res.writeHead(500) is not charged under settle: 'after'", async () => {
  const byHand = (): Goods => ({ '/a': (_req, res) => void res.writeHead(500).end('no') })
  const { peer, ours } = await openBoth(byHand, { settle: 'after' })
  for (const [stall, charge] of [
    [peer, PRICE],
    [ours, 0n],
  ] as const) {
    const buyer = await createBuyer()
    const answer = await buyer.pay(`${stall.url}/a`)
    expect([answer.status, stall.runs(), await buyer.spent()]).toEqual([500, 1, charge])
    expect(answer.headers.has('payment-response')).toBe(charge > 0n)
  }
})

it('fault 7: a settlement whose answer is lost is no 402: nobody pays twice', async () => {
  let isLost = true
  const relay = await listen(async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    const headers = { 'content-type': 'application/json' }
    const init = req.method === 'GET' ? {} : { method: 'POST', body, headers }
    const answer = await fetch(settling.url + req.url, init)
    if (req.url === '/settle' && isLost) return void req.socket.destroy()
    res.writeHead(answer.status, headers).end(await answer.text())
  })
  open.push(relay)
  const peer = await openX402Express({ '/a': ok }, { facilitator: relay.url })
  const ours = await openOurs({ '/a': ok }, { evm: [chains.evm], settle: facilitator({ url: relay.url }) })
  open.push(peer, ours)
  for (const [stall, status, total] of [
    [peer, 402, 2n * PRICE],
    [ours, 503, PRICE],
  ] as const) {
    const buyer = await createBuyer()
    isLost = true
    const doubtful = await buyer.pay(`${stall.url}/a`)
    expect([doubtful.status, await buyer.spent()]).toEqual([status, PRICE])
    isLost = false
    // After a 402 the one thing to do is to pay again; after our 503 it is to send the same again.
    const answer = status === 402 ? await buyer.pay(`${stall.url}/a`) : await buyer.again()
    expect([answer.status, await buyer.spent()]).toEqual([200, total])
  }
})

it('fault 8: what throws on the way to the handler lets nobody in', async () => {
  const deny = (): never => {
    throw new Error('denied')
  }
  const peer = await openX402Express(
    { '/a': ok },
    { facilitator: settling.url, hooks: (server) => void server.onBeforeVerify(deny).onAfterVerify(deny) },
  )
  open.push(peer)
  expect((await (await createBuyer()).pay(`${peer.url}/a`)).status).toBe(200)
  expect(peer.runs()).toBe(1)

  const store = memory()
  let isAsked = false
  const price = (): string => (isAsked ? deny() : '0.01')
  const settle = { name: 'broken', verify: async () => deny(), settle: async () => deny() }
  const ours = [
    await openOurs({ '/a': ok }, { evm: [chains.evm] }, { price }),
    await openOurs({ '/a': ok }, { evm: [chains.evm], store: { ...store, commit: async () => deny() } }),
    await openOurs({ '/a': ok }, { evm: [chains.evm], settle }),
    await openOurs({ '/a': ok }, { evm: [chains.evm], settle }, { settle: 'after' }),
  ]
  open.push(...ours)
  for (const [number, stall] of ours.entries()) {
    const buyer = await createBuyer()
    isAsked = false
    const sent = await buyer.prepare(`${stall.url}/a`)
    isAsked = true
    const { status } = await send(sent)
    expect([number, status, stall.runs(), await buyer.spent()]).toEqual([
      number,
      number === 2 ? 503 : 500,
      0,
      0n,
    ])
  }
})

it('fault 9: what was paid for a handler that failed is owed, not gone', async () => {
  const flaky = (): Goods => {
    let run = 0
    return { '/a': (_req, res) => void res.status(++run === 1 ? 500 : 200).end('answer') }
  }
  const { peer, ours } = await openBoth(flaky, {}, { extra: { paymentFlow: 'upfront' } })
  for (const [stall, status, runs] of [
    [peer, 402, 1],
    [ours, 200, 2],
  ] as const) {
    const buyer = await createBuyer()
    expect((await buyer.pay(`${stall.url}/a`)).status).toBe(500)
    expect((await buyer.again()).status).toBe(status)
    expect([stall.runs(), await buyer.spent()]).toEqual([runs, PRICE])
  }
})

it('fault 10: an answer that was lost can be had again', async () => {
  const { peer, ours } = await openBoth(() => ({ '/a': (_req, res) => void res.send(crypto.randomUUID()) }))
  for (const [stall, status] of [
    [peer, 402],
    [ours, 200],
  ] as const) {
    const buyer = await createBuyer()
    const headers = { 'idempotency-key': '"one"' }
    const first = await (await buyer.pay(`${stall.url}/a`, { headers })).text()
    const again = await buyer.again()
    expect([again.status, (await again.text()) === first]).toEqual([status, status === 200])
    expect([stall.runs(), await buyer.spent()]).toEqual([1, PRICE])
  }
})

it('fault 13: a zero-amount proof is good once, for one route', async () => {
  const payer = await createTempoPayer(chains.tempo)
  const prepare = (url: string) =>
    preparePaid((fetch) => mppTempo(payer.privateKey, chains.tempo, 'pull', fetch), url)
  const statuses = async (url: string) => {
    const [sent, another] = [await prepare(`${url}/x`), await prepare(`${url}/x`)]
    const answers = [await send(sent), await send(sent), await send(another, { url: `${url}/y` })]
    return answers.map(({ status }) => status)
  }

  const client = tempoClient(payer.privateKey, chains.tempo)
  const method = peerTempo.charge({
    currency: chains.tempo.pathUsd.address,
    recipient: newAddress(),
    getClient: () => client,
  })
  const mppx = Mppx.create({
    secretKey: 'a secret of at least thirty-two bytes',
    realm: 'x',
    methods: [method],
  })
  const peer = await listen(async (req, res) => {
    const { authorization = '' } = req.headers
    const request = new Request(`http://${req.headers.host}${req.url}`, { headers: { authorization } })
    const outcome = await mppx.charge({ amount: '0' })(request)
    const answer = outcome.status === 402 ? outcome.challenge : outcome.withReceipt(Response.json({}))
    res.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  open.push(peer)
  expect(await statuses(peer.url)).toEqual([200, 200, 200])

  const wares = { '/x': { price: '0.00' }, '/y': { price: '0.00' } }
  const ours = await openShop(wares, { evm: [chains.evm], tempo: chains.tempo })
  open.push({ close: ours.stop })
  expect(await statuses(ours.url)).toEqual([200, 409, 402])
  expect(ours.grants).toHaveLength(1)
})

it('fault 14: scripts in browsers can read the challenge and the receipt', async () => {
  const { peer, ours } = await openBoth(() => ({ '/a': ok }))
  const buyer = await createBuyer()
  expect((await fetch(`${peer.url}/a`)).headers.has('access-control-expose-headers')).toBe(false)
  for (const answer of [await fetch(`${ours.url}/a`), await buyer.pay(`${ours.url}/a`)]) {
    const exposed = answer.headers.get('access-control-expose-headers')?.split(', ')
    expect(exposed).toEqual(
      expect.arrayContaining(['WWW-Authenticate', 'PAYMENT-REQUIRED', 'PAYMENT-RESPONSE']),
    )
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  }
})

it('fault 15: clients of v1 can pay', async () => {
  const { peer, ours } = await openBoth(() => ({ '/a': ok }))
  const buyer = await createBuyer()
  const pay = x402V1(buyer.payer.privateKey, chains.evm)
  await expect(pay(`${peer.url}/a`)).rejects.toThrow(TypeError)
  expect((await pay(`${ours.url}/a`)).status).toBe(200)
  expect([peer.runs(), ours.runs(), await buyer.spent()]).toEqual([0, 1, PRICE])
})

it('fault 16: a malformed payload is answered with the member that is wrong', async () => {
  const { peer, ours } = await openBoth(() => ({ '/a': ok }))
  const buyer = await createBuyer()
  for (const [stall, error] of [
    [peer, /TypeError: Cannot read properties of undefined/],
    [ours, /^PAYMENT-SIGNATURE has no valid payload\.authorization\.value\.$/],
  ] as const) {
    const sent = await buyer.prepare(`${stall.url}/a`)
    const payload = JSON.parse(Buffer.from(sent.headers['payment-signature'] ?? '', 'base64').toString())
    const malformed = stall === peer ? { ...payload, payload: {} } : payload
    if (stall === ours) malformed.payload.authorization.value = 1e4
    const field = Buffer.from(JSON.stringify(malformed)).toString('base64')
    const answer = await fetch(`${stall.url}/a`, { headers: { 'payment-signature': field } })
    expect([answer.status, stall.runs()]).toEqual([402, 0])
    const required = JSON.parse(
      Buffer.from(answer.headers.get('payment-required') ?? '', 'base64').toString(),
    )
    const said = stall === peer ? required.error : ((await answer.json()) as { detail: string }).detail
    expect(said).toMatch(error)
  }
})

it('fault 18: the library neither ends the process nor writes to the console, whatever goes wrong', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => {}) as () => never)
  const junk = { headers: { 'payment-signature': 'not base64' } }
  const elsewhere = { x402Version: 2, scheme: 'exact', network: 'eip155:1' }
  const incapable = await listen((_req, res) => {
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ kinds: [elsewhere], extensions: [], signers: {} }))
  })
  const peer = await openX402Express({ '/a': ok }, { facilitator: settling.url })
  open.push(incapable, peer, await openX402Express({ '/a': ok }, { facilitator: incapable.url }))
  await fetch(`${peer.url}/a`, junk)
  await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(1))
  expect(printed.some((spy) => spy.mock.calls.length > 0)).toBe(true)

  for (const spy of [exit, ...printed]) spy.mockClear()
  const node = await startFaultyRpc(chains.evm.url)
  open.push({ close: node.stop })
  const broken: RequestHandler = (_req, _res, next) => next(new Error('the handler failed'))
  const ours = await openOurs({ '/a': broken }, { evm: [chains.evm], evmRpc: node.url })
  open.push(ours)
  const buyer = await createBuyer()
  expect((await fetch(`${ours.url}/a`, junk)).status).toBe(402)
  node.fail = () => 'drop'
  expect((await buyer.pay(`${ours.url}/a`)).status).toBe(503)
  node.fail = () => null
  expect((await buyer.again()).status).toBe(500)
  expect(exit).not.toHaveBeenCalled()
  for (const spy of printed) expect(spy).not.toHaveBeenCalled()
})

it('fault 21: no two challenges are the same, and one payer can pay twice at once', async () => {
  const { address, eip712 } = chains.evm.usdc
  const peer = Mppx.create({
    secretKey: 'a secret of at least thirty-two bytes',
    realm: 'x',
    methods: [
      peerEvm.charge({
        chainId: 84532,
        currency: address,
        recipient: newAddress(),
        decimals: 6,
        authorization: eip712 ?? { name: '', version: '' },
        settle: async () => ({ reference: '0x' }),
      }),
    ],
  })
  const ids = (fields: (string | null)[]) =>
    new Set(fields.map((field) => /id="([^"]+)"/.exec(field ?? '')?.[1]))
  const theirs = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const outcome = await peer.charge({ amount: '0.01' })(new Request('http://x/'))
      return outcome.status === 402 ? outcome.challenge.headers.get('www-authenticate') : null
    }),
  )
  expect(ids(theirs).size).toBeLessThan(200)

  const ours = await openOurs({ '/a': ok }, { evm: [chains.evm] })
  open.push(ours)
  const challenges = await Promise.all(Array.from({ length: 200 }, () => fetch(`${ours.url}/a`)))
  expect(ids(challenges.map(({ headers }) => headers.get('www-authenticate'))).size).toBe(200)

  const buyer = await createBuyer()
  const pay = mppEvm(buyer.payer.privateKey, chains.evm)
  const answers = await Promise.all(Array.from({ length: 10 }, () => pay(`${ours.url}/a`)))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  expect([ours.runs(), await buyer.spent()]).toEqual([10, 10n * PRICE])
})

it('fault 22: a node that fails during a payment is a 503 that can be repeated, not a bare 500', async () => {
  const node = await startFaultyRpc(chains.tempo.url)
  open.push({ close: node.stop })
  const ours = await openOurs({ '/a': ok }, { evm: [chains.evm], tempo: chains.tempo, tempoRpc: node.url })
  open.push(ours)
  const payer: Payer = await createTempoPayer(chains.tempo)
  const wire = createWire()
  node.fail = (method) => (method === 'eth_chainId' ? null : { status: 502, body: 'Bad Gateway' })
  const answer = await mppTempo(payer.privateKey, chains.tempo, 'pull', wire.fetch)(`${ours.url}/a`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/problem+json'])
  expect(await answer.json()).toMatchObject({ retryable: true })
  node.fail = () => null
  expect((await send(wire.paid())).status).toBe(200)
  expect([ours.runs(), TEN_DOLLARS - (await chains.tempo.balanceOf(payer.address))]).toEqual([1, PRICE])
})
