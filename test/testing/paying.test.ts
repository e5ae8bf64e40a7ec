import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { paid } from '../../adapters/fetch.ts'
import { type Coffer, createCoffer, type RouteOptions } from '../../src/index.ts'
import type { Address } from '../../src/payments/address.ts'
import { evm } from '../../src/protocols/mpp/evm.ts'
import { mpp } from '../../src/protocols/mpp/index.ts'
import { x402 } from '../../src/protocols/x402/index.ts'
import { memory } from '../../src/stores/memory.ts'
import type { PayerDialect, TestedHandler, TestPayer } from '../../src/testing/test-payer.ts'
import { newAddress } from '../end-to-end/shop.ts'
import { type World, worlds } from './worlds.ts'

const DOLLAR = 1_000_000n
const RECEIPTS: Readonly<Record<PayerDialect, string>> = {
  x402: 'payment-response',
  'x402-v1': 'x-payment-response',
  mpp: 'payment-receipt',
}
const DIALECTS = Object.keys(RECEIPTS) as PayerDialect[]

describe.each(worlds)('a seller on %s', (_name, open) => {
  let world: World
  let coffer: Coffer
  const seller: Address = newAddress()
  beforeAll(async () => {
    world = await open()
    const network = world.network()
    coffer = createCoffer({
      secret: 'a secret of at least thirty-two bytes',
      wallets: { main: { address: seller } },
      protocols: [x402({ networks: [network] }), mpp({ methods: [evm({ network })] })],
      store: memory({ clock: world.clock }),
      clock: world.clock,
    })
  })
  afterAll(async () => {
    await coffer?.close()
    await world?.stop()
  })

  /** Something for sale, which answers with these statuses in turn, the last one from then on. */
  function sell(route: Partial<RouteOptions> = {}, statuses = [200]): TestedHandler & { runs: number } {
    const handler = paid(coffer, { price: '0.01', ...route }, async (request) => {
      ware.runs++
      return new Response(await request.text(), { status: statuses[ware.runs - 1] ?? statuses.at(-1) ?? 200 })
    })
    const ware = Object.assign((request: Request) => handler(request), { runs: 0 })
    return ware
  }

  /** A request of this payer to this ware, paid but not sent. */
  async function prepare(payer: TestPayer, ware: TestedHandler, init?: RequestInit): Promise<Request> {
    const request = new Request('https://api.test/a', init)
    return payer.pay(request, await ware(request.clone()))
  }

  describe.each(DIALECTS)('is paid by %s', (protocol) => {
    it('and the money is where it belongs', async () => {
      const [payer, ware, earned] = [await world.payer(protocol), sell(), await world.balanceOf(seller)]
      const response = await payer.fetch(ware, 'https://api.test/a', { method: 'POST', body: 'hello' })
      expect([response.status, await response.text()]).toEqual([200, 'hello'])
      expect(response.headers.has(RECEIPTS[protocol])).toBe(true)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - 10_000n)
      expect(await world.balanceOf(seller)).toBe(earned + 10_000n)
      expect(ware.runs).toBe(1)
    })

    it('once for one credential', async () => {
      const [payer, ware] = [await world.payer(protocol), sell()]
      const request = await prepare(payer, ware)
      const answers = await Promise.all([1, 2, 3].map(() => ware(request.clone())))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
      // Read to its end, an answer to a request with a name would be kept: plain clients do not name theirs.
      await Promise.all(answers.map((answer) => answer.text()))
      expect((await ware(request)).status).toBe(409)
      expect(ware.runs).toBe(1)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - 10_000n)
    })

    it('not at all by who has too little', async () => {
      const [payer, ware] = [await world.payer(protocol, '0.009'), sell()]
      const response = await payer.fetch(ware, 'https://api.test/a')
      expect(response.status).toBe(402)
      expect(await response.json()).toMatchObject({
        code: 'payment-verification-failed',
        cause: 'invalid_exact_evm_insufficient_balance',
        charged: false,
      })
      expect(ware.runs).toBe(0)
      expect(await world.balanceOf(payer.address)).toBe(9000n)
    })

    it('once for an answer that failed at first', async () => {
      const [payer, ware] = [await world.payer(protocol), sell({}, [500, 200])]
      const request = await prepare(payer, ware)
      expect((await ware(request.clone())).status).toBe(500)
      expect((await ware(request.clone())).status).toBe(200)
      expect((await ware(request)).status).toBe(409)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - 10_000n)
    })

    it('nothing for a price of zero, once', async () => {
      const [payer, ware] = [await world.payer(protocol), sell({ price: '0.00' })]
      const request = await prepare(payer, ware)
      expect((await ware(request.clone())).status).toBe(200)
      expect((await ware(request)).status).toBe(409)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR)
    })

    it('after the answer, when it wants that', async () => {
      const ware = sell({ settle: 'after' }, [422, 200])
      const payer = await world.payer(protocol)
      expect((await payer.fetch(ware, 'https://api.test/a')).status).toBe(422)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR)
      expect((await payer.fetch(ware, 'https://api.test/a')).status).toBe(200)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - 10_000n)
    })

    it('once for a session', async () => {
      const [payer, ware] = [await world.payer(protocol), sell({ acceptSessions: true })]
      const first = await payer.fetch(ware, 'https://api.test/a')
      const headers = { 'x-prudra-session-id': first.headers.get('x-prudra-session-id') ?? '' }
      const second = await payer.fetch(ware, 'https://api.test/b', { headers })
      expect([first.status, second.status]).toEqual([200, 200])
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - 10_000n)
    })
  })

  it('is paid by x402 under a name that the route asks for: then the same request brings the same answer', async () => {
    const [payer, ware] = [await world.payer('x402'), sell({ requireIdempotency: true })]
    const request = await prepare(payer, ware, { method: 'POST', body: 'hello' })
    expect(await (await ware(request.clone())).text()).toBe('hello')
    expect(await (await ware(request)).text()).toBe('hello')
    expect(ware.runs).toBe(1)
  })

  it('leaves a request alone that is free, and one that somebody else could pay', async () => {
    const payer = await world.payer('mpp')
    expect(await (await payer.fetch(() => new Response('free'), 'https://api.test/')).text()).toBe('free')
    const asked = () => new Response('{}', { status: 402 })
    await expect(payer.fetch(asked, 'https://api.test/')).rejects.toMatchObject({
      code: 'invalid-state',
      message: expect.stringContaining('asked for: nothing'),
    })
  })
})
