import { privateKeyToAccount } from 'viem/accounts'
import { Transaction } from 'viem/tempo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { paid } from '../../adapters/fetch.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { createRpc, RpcError } from '../../src/evm/rpc.ts'
import { type Coffer, createCoffer, type RouteOptions } from '../../src/index.ts'
import type { Json } from '../../src/lib/json.ts'
import { mpp } from '../../src/protocols/mpp/index.ts'
import { tempo } from '../../src/protocols/mpp/tempo.ts'
import { memory } from '../../src/stores/memory.ts'
import { createFakeTempo } from '../../src/testing/fake-tempo.ts'
import { createTestPayer, type TestedHandler, type TestPayer } from '../../src/testing/test-payer.ts'
import { listen } from '../adapters/server.ts'
import { mppTempo } from '../clients/official.ts'
import { createPayer } from '../clients/payers.ts'
import { newAddress, openShop } from '../end-to-end/shop.ts'
import { type TempoWorld, tempoWorlds } from './tempo-worlds.ts'

const DOLLAR = 1_000_000n
const CENT = 10_000n
const TOKEN = '0x20c0000000000000000000000000000000000000'
const SEND = 'eth_sendRawTransactionSync'

describe.each(tempoWorlds)('on %s', (_name, open) => {
  let world: TempoWorld
  let coffer: Coffer
  const seller = newAddress()
  beforeAll(async () => {
    world = await open()
    coffer = createCoffer({
      secret: 'a secret of at least thirty-two bytes',
      wallets: { main: { address: seller } },
      protocols: [mpp({ methods: [world.method()] })],
      store: memory(),
    })
  })
  afterAll(async () => {
    await coffer?.close()
    await world?.stop()
  })

  function sell(route: Partial<RouteOptions> = {}, statuses = [200]): TestedHandler {
    let runs = 0
    return paid(coffer, { price: '0.01', ...route }, () => {
      runs++
      return new Response('', { status: statuses[runs - 1] ?? statuses.at(-1) ?? 200 })
    })
  }
  const ask = () => new Request('https://api.test/a')
  const prepare = async (payer: TestPayer, ware: TestedHandler): Promise<Request> =>
    payer.pay(ask(), await ware(ask()))

  describe('a seller is paid', () => {
    it('once for one transaction, however often it comes', async () => {
      const [payer, ware, earned] = [await world.payer('10'), sell(), await world.balanceOf(seller)]
      const request = await prepare(payer, ware)
      const answers = await Promise.all([1, 2, 3].map(() => ware(request.clone())))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
      expect(answers.find(({ status }) => status === 200)?.headers.has('payment-receipt')).toBe(true)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - CENT)
      expect(await world.balanceOf(seller)).toBe(earned + CENT)
    })

    it('not at all by who has too little', async () => {
      const payer = await world.payer('0.009')
      expect((await payer.fetch(sell(), ask())).status).toBe(402)
      expect(await world.balanceOf(payer.address)).toBe(9000n)
    })

    it('once for an answer that failed at first', async () => {
      const [payer, ware] = [await world.payer('10'), sell({}, [500, 200])]
      const request = await prepare(payer, ware)
      expect((await ware(request.clone())).status).toBe(500)
      expect((await ware(request)).status).toBe(200)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - CENT)
    })

    it('nothing for a price of zero, once', async () => {
      const [payer, ware] = [await world.payer('10'), sell({ price: '0.00' })]
      const request = await prepare(payer, ware)
      expect((await ware(request.clone())).status).toBe(200)
      expect((await ware(request)).status).toBe(409)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR)
    })

    it('after the answer, when it wants that', async () => {
      const [payer, ware] = [await world.payer('10'), sell({ settle: 'after' }, [422, 200])]
      expect((await payer.fetch(ware, ask())).status).toBe(422)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR)
      expect((await payer.fetch(ware, ask())).status).toBe(200)
      expect(await world.balanceOf(payer.address)).toBe(10n * DOLLAR - CENT)
    })
  })

  describe('a transaction', () => {
    const now = () => Math.floor(Date.now() / 1000)
    const to = newAddress()
    const transfer = (amount: bigint, selector = '0xa9059cbb') => ({
      to: TOKEN,
      data: `${selector}${to.slice(2).padStart(64, '0')}${amount.toString(16).padStart(64, '0')}`,
    })
    const sign = (key: `0x${string}`, more: object = {}): Promise<string> =>
      privateKeyToAccount(key).signTransaction(
        {
          chainId: 42431,
          gas: 700_000n,
          maxFeePerGas: 25_000_000_000n,
          maxPriorityFeePerGas: 1_000_000_000n,
          nonce: 0,
          nonceKey: 2n ** 256n - 1n,
          validBefore: now() + 20,
          calls: [transfer(CENT)],
          ...more,
        } as never,
        { serializer: Transaction.serialize as never },
      )
    /** Status of the transaction, or the node's refusal. */
    const send = async (raw: string): Promise<Json> => {
      const rpc = createRpc(
        typeof world.rpc === 'string' ? { url: world.rpc, timeoutMs: 60_000 } : world.rpc,
        42431,
      )
      const answer = await rpc.request(SEND, [raw]).catch((error: unknown) => {
        if (error instanceof RpcError) return { refused: error.nodeMessage }
        throw error
      })
      return typeof answer === 'object' && answer !== null && 'status' in answer
        ? (answer['status'] ?? null)
        : answer
    }

    it('moves money, and is taken once', async () => {
      const { privateKey, address } = await world.payer('1')
      const raw = await sign(privateKey)
      expect([await send(raw), await send(raw)]).toEqual(['0x1', '0x1'])
      expect(await world.balanceOf(address)).toBe(DOLLAR - CENT)
    })

    it.each<[string, object, RegExp]>([
      ['has expired', { validBefore: now() - 10 }, /valid_before/],
      ['is for another chain', { chainId: 4217 }, /invalid chain id/],
      [
        'pays too little for gas',
        { maxFeePerGas: 1n, maxPriorityFeePerGas: 0n },
        /max fee per gas less than/,
      ],
    ])('that %s is refused', async (_what, more, reason) => {
      const { privateKey, address } = await world.payer('1')
      expect(await send(await sign(privateKey, more))).toEqual({ refused: expect.stringMatching(reason) })
      expect(await world.balanceOf(address)).toBe(DOLLAR)
    })

    it.each<[string, readonly object[]]>([
      ['moves more than there is', [transfer(2n * DOLLAR)]],
      ['asks for what the token does not have', [transfer(1n, '0x12345678')]],
      ['moves too much with its second call', [transfer(1n), transfer(2n * DOLLAR)]],
    ])('that %s is reverted whole', async (_what, calls) => {
      const { privateKey, address } = await world.payer('1')
      expect(await send(await sign(privateKey, { calls }))).toBe('0x0')
      expect(await world.balanceOf(address)).toBe(DOLLAR)
    })

    it('that cannot pay its fee is refused', async () => {
      const { privateKey } = createPayer()
      expect(await send(await sign(privateKey))).toEqual({
        refused: expect.stringMatching(/insufficient fee token/),
      })
    })

    it('counts nonces under a key of its own', async () => {
      const { privateKey, address } = await world.payer('1')
      const counted = { nonceKey: 5n }
      expect(await send(await sign(privateKey, { ...counted }))).toBe('0x1')
      expect(await send(await sign(privateKey, { ...counted, nonce: 1 }))).toBe('0x1')
      expect(await world.balanceOf(address)).toBe(DOLLAR - 2n * CENT)
    })

    it('that no block can have is not made', async () => {
      const { privateKey, address } = await world.payer('1')
      const never = [{ nonceKey: 5n, nonce: 2 }, { validBefore: now() + 100 }, { nonce: 1 }]
      const sent = await Promise.all(never.map(async (more) => send(await sign(privateKey, more))))
      expect(sent).toEqual(never.map(() => ({ refused: 'Transaction confirmation timeout' })))
      expect(await world.balanceOf(address)).toBe(DOLLAR)
    }, 90_000)
  })
})

describe('the fake Tempo', () => {
  it('is paid on by the official client', async () => {
    const chain = createFakeTempo()
    const node = await listen(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      await sendResponse(await chain.fetch('https://tempo.test', { method: 'POST', body }), response)
    })
    const shop = await openShop(
      { '/report': { price: '0.01' } },
      { tempo: { url: node.url, chainId: 42431 } },
    )
    try {
      for (const mode of ['pull', 'push'] as const) {
        const { privateKey, address } = createPayer()
        chain.fund(address, DOLLAR)
        const response = await mppTempo(privateKey, { url: node.url }, mode)(`${shop.url}/report`)
        expect(response.status).toBe(200)
        expect(chain.balanceOf(address)).toBe(DOLLAR - CENT)
      }
      expect(chain.balanceOf(shop.seller)).toBe(2n * CENT)
    } finally {
      await shop.stop()
      await node.close()
    }
  })

  it('fails as it is told: an answer that is lost is a 503, and is paid for once', async () => {
    const chain = createFakeTempo()
    const seller = newAddress()
    const coffer = createCoffer({
      secret: 'a secret of at least thirty-two bytes',
      wallets: { main: { address: seller } },
      protocols: [mpp({ methods: [tempo({ rpc: chain.rpc, chainId: 42431 })] })],
      store: memory(),
    })
    const handler = paid(coffer, { price: '0.01' }, () => new Response(''))
    const payer = createTestPayer({ chain, protocol: 'mpp' })
    const request = await payer.pay(
      new Request('https://api.test/'),
      await handler(new Request('https://api.test/')),
    )
    chain.disturb((call) => (call === SEND || call === 'eth_getTransactionReceipt' ? 'lost' : null))
    expect((await handler(request.clone())).status).toBe(503)
    expect(chain.balanceOf(seller)).toBe(CENT)
    chain.disturb(null)
    expect((await handler(request.clone())).status).toBe(200)
    expect((await handler(request)).status).toBe(409)
    expect(chain.balanceOf(seller)).toBe(CENT)
  })
})
