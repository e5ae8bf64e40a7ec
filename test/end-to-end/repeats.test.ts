import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Chains,
  type ClientKind,
  clientKinds,
  createPayerFor,
  startChains,
  stopChains,
} from '../clients/kinds.ts'
import { x402V2 } from '../clients/official.ts'
import { createEvmPayer, TEN_DOLLARS } from '../clients/payers.ts'
import { createWire, type Sent, send } from '../clients/wire.ts'
import { codeOf } from '../gate/scripted.ts'
import { openShop, type Shop, type Ware } from './shop.ts'

const PRICE = 10_000n

let chains: Chains
let shop: Shop

/** What the handler of `/slow` answered, run by run, as hexadecimal. */
const slowBodies: string[] = []

/** An answer that no second run would give. */
const serve = (): Response =>
  new Response(randomBytes(3000), { headers: { 'content-type': 'image/png', 'x-own': randomUUID() } })

beforeAll(async () => {
  chains = await startChains()
  const wares: Record<string, Ware> = {
    '/report': { price: '0.01', serve },
    '/after': { price: '0.01', settle: 'after', serve },
    '/strict': { price: '0.01', requireIdempotency: true, serve },
    '/flaky': {
      price: '0.01',
      serve: (_request, _grant, run) => (run % 2 === 1 ? new Response('no', { status: 500 }) : serve()),
    },
    '/slow': {
      price: '0.01',
      serve: () => {
        const chunks = Array.from({ length: 50 }, () => randomBytes(1000))
        slowBodies.push(Buffer.concat(chunks).toString('hex'))
        const body = new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 2))
            const chunk = chunks.shift()
            if (chunk === undefined) controller.close()
            else controller.enqueue(chunk)
          },
        })
        return new Response(body)
      },
    },
  }
  shop = await openShop(wares, { evm: [chains.evm], tempo: chains.tempo })
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
})

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Record<string, string>
}

/** All of an answer that does not belong to its connection or to the moment. */
async function read(response: Response): Promise<Answer> {
  const passing = ['connection', 'keep-alive', 'date', 'transfer-encoding', 'content-length']
  const headers = [...response.headers].filter(([name]) => !passing.includes(name))
  const body = Buffer.from(await response.arrayBuffer()).toString('hex')
  return { status: response.status, body, headers: Object.fromEntries(headers) }
}

async function createBuyer(kind: ClientKind) {
  const [payer, wire] = [await createPayerFor(kind, chains), createWire()]
  const pay = kind.connect(payer, chains, wire.fetch)
  return {
    buy: (path: string, key: string, init: RequestInit = {}) =>
      pay(shop.url + path, { ...init, headers: { 'idempotency-key': key } }),
    paid: () => wire.paid(),
    spent: async () => TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address)),
  }
}

describe.each(clientKinds)('with an Idempotency-Key, an answer that got lost on its way to $name', (kind) => {
  it.each(['/report', '/after'])(
    'comes back byte for byte, with its receipts, without a run or a charge (%s, case 13)',
    async (path) => {
      const { buy, paid, spent } = await createBuyer(kind)
      const ranBefore = shop.runs(path)
      const first = await read(await buy(path, '"a key"', { method: 'POST', body: 'bees' }))
      expect(first.status).toBe(200)
      expect(first.headers[kind.receipt]).toBeDefined()
      for (let time = 0; time < 3; time++) expect(await read(await send(paid()))).toEqual(first)
      expect([shop.runs(path) - ranBefore, await spent()]).toEqual([1, PRICE])
    },
  )

  it('is not given for another body, nor without the key, nor for another key (case 13)', async () => {
    const { buy, paid, spent } = await createBuyer(kind)
    await buy('/report', 'k1', { method: 'POST', body: 'bees' })
    const [sent, ranBefore] = [paid(), shop.runs('/report')]
    const { 'idempotency-key': _key, ...without } = sent.headers
    const changes: [Partial<Sent>, string][] = [
      [{ body: 'wasps' }, 'idempotency-conflict'],
      [{ headers: without }, 'duplicate-payment'],
      [{ headers: { ...sent.headers, 'idempotency-key': 'k2' } }, 'duplicate-payment'],
    ]
    for (const [change, code] of changes) {
      const answer = await send(sent, change)
      expect([answer.status, await codeOf(answer)]).toEqual([409, code])
    }
    expect([shop.runs('/report'), await spent()]).toEqual([ranBefore, PRICE])
  })

  it('comes back for a fresh credential of the same payer, which stays unspent', async () => {
    const { buy, paid, spent } = await createBuyer(kind)
    const ranBefore = shop.runs('/report')
    const first = await read(await buy('/report', 'k'))
    expect(await read(await buy('/report', 'k'))).toEqual(first)
    expect(shop.runs('/report') - ranBefore).toBe(1)
    const hasBroadcast = kind.name.includes('push')
    expect(await spent()).toBe(hasBroadcast ? 2n * PRICE : PRICE)

    // A transaction that the payer sent by itself has moved money, so it buys an answer of its own.
    const { 'idempotency-key': _key, ...headers } = paid().headers
    expect((await send(paid(), { headers })).status).toBe(200)
    expect([shop.runs('/report') - ranBefore, await spent()]).toEqual([2, 2n * PRICE])
  })

  it('comes back whole when the payer went away in the middle of it', async () => {
    const { buy, paid, spent } = await createBuyer(kind)
    const ranBefore = shop.runs('/slow')
    const away = new AbortController()
    const first = await buy('/slow', 'k', { signal: away.signal })
    const reader = first.body?.getReader()
    const start = Buffer.from((await reader?.read())?.value ?? []).toString('hex')
    away.abort()
    let again = await send(paid())
    while (again.status === 409 && (await codeOf(again)) === 'payment-in-flight') again = await send(paid())
    const { status, body } = await read(again)
    expect(status).toBe(200)
    expect(body === slowBodies.at(-1) && body.startsWith(start) && body.length > start.length).toBe(true)
    expect([shop.runs('/slow') - ranBefore, await spent()]).toEqual([1, PRICE])
  })

  it('that failed is worked on again, and only what was delivered is kept', async () => {
    const { buy, paid, spent } = await createBuyer(kind)
    expect((await buy('/flaky', 'k')).status).toBe(500)
    const second = await read(await send(paid()))
    expect(second.status).toBe(200)
    expect(await read(await send(paid()))).toEqual(second)
    expect(await spent()).toBe(PRICE)
  })

  it('sent twenty times at once runs once', async () => {
    const { buy, paid, spent } = await createBuyer(kind)
    expect((await buy('/flaky', 'k')).status).toBe(500)
    const ranBefore = shop.runs('/flaky')
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(paid())))
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
    expect(answers.some(({ status }) => status === 200)).toBe(true)
    expect([shop.runs('/flaky') - ranBefore, await spent()]).toEqual([1, PRICE])
  })
})

it('one key of two payers stands for two requests', async () => {
  const [kind] = clientKinds
  if (!kind) throw new Error('there are no clients')
  const buyers = [await createBuyer(kind), await createBuyer(kind)]
  const answers = [await buyers[0]?.buy('/report', 'k'), await buyers[1]?.buy('/report', 'k')]
  const bodies = await Promise.all(answers.map((answer) => answer && read(answer)))
  expect(bodies[0]?.body).not.toBe(bodies[1]?.body)
})

describe('the payment-identifier of x402', () => {
  const ID = 'pay_7d5d747be160e280504c099d984bcfe0'
  const createNamed = async (id?: string) => {
    const [payer, wire] = [await createEvmPayer(chains.evm), createWire()]
    const pay = x402V2(payer.privateKey, chains.evm.chainId, wire.fetch, id)
    const spent = async () => TEN_DOLLARS - (await chains.evm.balanceOf(payer.address))
    return { buy: (path: string) => pay(shop.url + path), paid: () => wire.paid(), spent }
  }

  it.each(['/report', '/strict'])(
    'brings an answer back: to its credential and to a fresh one (%s)',
    async (path) => {
      const { buy, paid, spent } = await createNamed(ID)
      const ranBefore = shop.runs(path)
      const first = await read(await buy(path))
      expect(first.status).toBe(200)
      expect(await read(await send(paid()))).toEqual(first)
      expect(await read(await buy(path))).toEqual(first)
      expect([shop.runs(path) - ranBefore, await spent()]).toEqual([1, PRICE])
    },
  )

  it('for another request is a conflict', async () => {
    const { buy, spent } = await createNamed(ID)
    expect((await buy('/report?page=1')).status).toBe(200)
    const other = await buy('/report?page=2')
    expect([other.status, await codeOf(other)]).toEqual([409, 'idempotency-conflict'])
    expect(await spent()).toBe(PRICE)
  })

  it('is asked for where the route requires it, before any money moves', async () => {
    const { buy, spent } = await createNamed()
    const answer = await buy('/strict')
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'bad-request'])
    expect(await spent()).toBe(0n)
  })
})
