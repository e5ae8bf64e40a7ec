import { validate } from 'mppx/discovery'
import { describe, expect, it } from 'vitest'
import { base, baseSepolia } from '../../src/evm/network.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { createCoffer } from '../../src/gate/coffer.ts'
import type { CofferOptions, DiscoveryOptions } from '../../src/gate/options.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { evm } from '../../src/protocols/mpp/evm.ts'
import { mpp } from '../../src/protocols/mpp/index.ts'
import { tempo } from '../../src/protocols/mpp/tempo.ts'
import { x402 } from '../../src/protocols/x402/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createSeller } from '../gate/scripted.ts'
import { jsonOf } from './operator.ts'

const MAIN = `0x${'2'.repeat(40)}`
const OTHER = `0x${'3'.repeat(40)}`
const rpc = 'http://127.0.0.1:1'
const settle = wallet(`0x${'1'.repeat(64)}`)
const network = base({ rpc, settle })

/** A seller on every protocol; no chain is asked. */
function open(discovery: DiscoveryOptions, options: Partial<CofferOptions> = {}) {
  return createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: MAIN }, other: { address: OTHER } },
    protocols: [
      x402({ networks: [network, baseSepolia({ rpc, settle })] }),
      mpp({ methods: [tempo({ rpc }), evm({ network })] }),
    ],
    store: memory(),
    discovery,
    ...options,
  })
}

const SHOP: DiscoveryOptions = {
  title: 'A shop',
  version: '2.1.0',
  routes: {
    'GET /weather': { price: '0.01', description: 'The weather', summary: 'Weather of today' },
    'POST /reports/:id': {
      price: '0.25',
      wallet: 'other',
      openapi: {
        requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
        tags: ['r'],
      },
    },
    'GET /reports/{id}/pages/{page}': { price: (request) => (request.url.length > 9 ? '1' : '2') },
    'PUT /anything': { price: '0' },
  },
}

type Paths = Record<
  string,
  Record<string, JsonObject & { 'x-payment-info': { offers: readonly JsonObject[] } }>
>

const get = (coffer: ReturnType<typeof open>, path: string) =>
  coffer.fetch(new Request(`https://api.test${path}`))
const pathsOf = async (coffer: ReturnType<typeof open>) =>
  (await jsonOf<{ paths: Paths }>(get(coffer, '/openapi.json'))).paths

describe('the OpenAPI document', () => {
  it('is accepted by the validator of mppx, without a warning', async () => {
    expect(validate(await jsonOf(get(open(SHOP), '/openapi.json')))).toEqual([])
    expect(validate(await jsonOf(get(open({}), '/openapi.json')))).toEqual([])
  })

  it('tells every way to pay a route', async () => {
    const paths = await pathsOf(open(SHOP))
    const offers = paths['/weather']?.['get']?.['x-payment-info'].offers ?? []
    expect(offers.map(({ method, network }) => [method, network])).toEqual([
      ['exact', 'eip155:8453'],
      ['exact', 'eip155:84532'],
      ['tempo', 'eip155:4217'],
      ['evm', 'eip155:8453'],
    ])
    expect(offers[0]).toEqual({
      intent: 'charge',
      method: 'exact',
      amount: '10000',
      currency: network.assets[0]?.address,
      network: 'eip155:8453',
      recipient: MAIN,
      description: 'The weather',
    })
    expect(paths['/weather']?.['get']).toMatchObject({
      summary: 'Weather of today',
      description: 'The weather. Costs 0.01 US dollars',
      responses: { 200: {}, 402: {} },
    })
  })

  it('tells no amount where it depends on the request', async () => {
    const operation = (await pathsOf(open(SHOP)))['/reports/{id}/pages/{page}']?.['get']
    expect(operation?.['x-payment-info'].offers.map(({ amount }) => amount)).toEqual([null, null, null, null])
    expect(operation).toMatchObject({
      description: 'The price depends on the request',
      parameters: [
        { name: 'id', in: 'path', required: true },
        { name: 'page', in: 'path', required: true },
      ],
    })
  })

  it('has what the seller adds to an operation, and the wallet of its route', async () => {
    const operation = (await pathsOf(open(SHOP)))['/reports/{id}']?.['post']
    expect(operation).toMatchObject({
      tags: ['r'],
      requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
      responses: { 402: {} },
    })
    expect(operation?.['x-payment-info'].offers[0]).toMatchObject({ amount: '250000', recipient: OTHER })
  })

  it('names the origin that clients know', async () => {
    const served = async (options: Partial<CofferOptions>) =>
      (await jsonOf<{ servers: unknown }>(get(open(SHOP, options), '/openapi.json'))).servers
    expect(await served({})).toEqual([{ url: 'https://api.test' }])
    expect(await served({ publicUrl: 'https://shop.example' })).toEqual([{ url: 'https://shop.example' }])
  })
})

describe('the text for agents', () => {
  it('tells what there is and what it costs', async () => {
    const answer = await get(open(SHOP), '/llms.txt')
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const text = await answer.text()
    expect(text).toMatch(/^# A shop\n/)
    expect(text).toContain('- `GET /weather`: Weather of today. The weather. Costs 0.01 US dollars.\n')
    expect(text).toContain('- `POST /reports/{id}`: Costs 0.25 US dollars.\n')
    expect(text).toContain('- `GET /reports/{id}/pages/{page}`: The price depends on the request.\n')
  })
})

describe('discovery options', () => {
  it.each<[string, unknown]>([
    ['discovery.name', { name: 'x' }],
    ['discovery.title', { title: 'two\nlines' }],
    ['discovery.version', { version: 2 }],
    ['discovery.routes', { routes: { '/report': { price: '0.01' } } }],
    ['discovery.routes', { routes: { 'FETCH /report': { price: '0.01' } } }],
    ['discovery.routes[GET /r].summary', { routes: { 'GET /r': { price: '0.01', summary: '' } } }],
    ['discovery.routes[GET /r].openapi', { routes: { 'GET /r': { price: '0.01', openapi: [] } } }],
    ['price', { routes: { 'GET /r': { price: '1,00' } } }],
    ['route.prise', { routes: { 'GET /r': { price: '1', prise: '1' } } }],
  ])('are checked at the start: %s', (option, discovery) => {
    let message = ''
    try {
      createSeller({ discovery: discovery as DiscoveryOptions })
    } catch (error) {
      message = String(error)
    }
    expect(message).toContain(`CofferError: ${option}: expected`)
  })
})
