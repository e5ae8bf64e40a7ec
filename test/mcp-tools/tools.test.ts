import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, type CallToolResult, McpError } from '@modelcontextprotocol/sdk/types.js'
import { McpServer as McpServer2, ProtocolError } from '@modelcontextprotocol/server'
import { parsePaymentRequired } from '@x402/core/schemas'
import { Challenge } from 'mppx'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { paidTool, type UnpaidError } from '../../adapters/mcp-tools.ts'
import { memoryBlobs } from '../../src/memory.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, createTempoPayer, type Payer } from '../clients/payers.ts'
import { createSeller, type ShopOptions } from '../end-to-end/shop.ts'
import {
  callTool,
  createV1Payment,
  preparePaidCall,
  type ToolClientKind,
  toolClientKinds,
  withMeta,
} from './tool-clients.ts'
import { connectTo, openToolShop, type ToolShop, textResult, type Ware } from './tool-shop.ts'

const PRICE = 10_000n
const ROME = { city: 'Rome' }
const REPORT = { name: 'report', arguments: ROME }

let chains: Chains
let payer: Payer
let tempoPayer: Payer
beforeAll(async () => {
  chains = await startChains()
  ;[payer, tempoPayer] = await Promise.all([createEvmPayer(chains.evm), createTempoPayer(chains.tempo)])
})
afterAll(() => stopChains(chains))

const shops: ToolShop[] = []
afterEach(async () => {
  await Promise.all(shops.splice(0).map((shop) => shop.stop()))
})

function open(wares: Readonly<Record<string, Ware>>, options: ShopOptions = {}): ToolShop {
  const shop = openToolShop(wares, { evm: [chains.evm], tempo: chains.tempo, ...options })
  shops.push(shop)
  return shop
}

function kindOf(name: string): ToolClientKind {
  const kind = toolClientKinds.find((each) => each.name.startsWith(name))
  if (kind === undefined) throw new Error(`there is no client ${name}`)
  return kind
}
const X402 = kindOf('x402 v2')
const MPP = kindOf('MPP evm')

const problemOf = ({ content: [first] }: CallToolResult): Record<string, unknown> =>
  first?.type === 'text' ? JSON.parse(first.text) : {}

describe('an unpaid call', () => {
  it('runs nothing, and is answered in the words of every client', async () => {
    const shop = open({ report: { price: '0.01', description: 'Weather of a city' } })
    const result = await callTool(await shop.connect(), REPORT)
    expect(shop.runs('report')).toBe(0)
    const { structuredContent, content, isError, _meta = {} } = result
    expect(isError).toBe(true)
    const required = parsePaymentRequired(structuredContent)
    expect(required.success).toBe(true)
    expect(structuredContent).toMatchObject({
      x402Version: 2,
      resource: { url: 'mcp://tool/report', description: 'Weather of a city' },
      accepts: [{ scheme: 'exact', network: 'eip155:84532', amount: '10000', payTo: expect.any(String) }],
    })
    expect(content).toEqual([{ type: 'text', text: JSON.stringify(structuredContent) }])
    const { challenges, problem, httpStatus } = _meta['org.paymentauth/payment-required'] as {
      challenges: unknown[]
      problem: Record<string, unknown>
      httpStatus: number
    }
    expect(challenges.map((each) => Challenge.Schema.parse(each).method)).toEqual(['tempo', 'evm'])
    expect(challenges).toEqual(challenges.map((each) => Challenge.Schema.parse(each)))
    expect(httpStatus).toBe(402)
    expect(problem).toMatchObject({
      type: 'https://paymentauth.org/problems/payment-required',
      status: 402,
      detail: 'This tool is paid for.',
    })
    for (const name of ['x402Version', 'accepts', 'error']) expect(problem).not.toHaveProperty(name)
    expect(_meta['x402/error']).toMatchObject({
      accepts: [
        { network: 'eip155:84532', amount: '10000' },
        { network: 'base-sepolia', maxAmountRequired: '10000', resource: 'mcp://tool/report' },
      ],
    })
    expect(_meta['coffer/problem']).toEqual(problem)
    expect(Object.keys(_meta)).toHaveLength(3)
  })

  it('leaves tools that are free, and the list of tools, as they are', async () => {
    const shop = open({ report: { price: '0.01' } })
    const client = await shop.connect()
    expect(await callTool(client, { ...REPORT, name: 'free' })).toEqual(textResult('Rome'))
    const plain = new McpServer({ name: 'plain', version: '1.0.0' })
    for (const name of ['report', 'free'])
      plain.registerTool(name, { inputSchema: { city: z.string() } }, () => textResult(''))
    expect(await client.listTools()).toEqual(await (await connectTo(plain)).listTools())
  })

  it('is one of a limited number', async () => {
    const shop = open(
      { report: { price: '0.01', address: () => '192.0.2.1' } },
      { challengeLimit: { max: 2, window: 60 } },
    )
    const client = await shop.connect()
    for (const _ of [1, 2]) expect(problemOf(await callTool(client, REPORT))).toHaveProperty('accepts')
    const limited = await callTool(client, REPORT)
    expect(limited).toMatchObject({ isError: true, structuredContent: { code: 'rate-limit-exceeded' } })
    expect(problemOf(limited)['retryAfter']).toBeGreaterThan(0)
    expect(limited._meta).toEqual({ 'coffer/problem': limited.structuredContent })
  })

  it('names the fault of a payment that is none', async () => {
    const shop = open({ report: { price: '0.01' } })
    const client = await shop.connect()
    let deep: unknown = 'deep'
    for (let level = 0; level < 2000; level++) deep = [deep]
    const credentials = [
      { 'x402/payment': 'no base64' },
      { 'x402/payment': 'line\nbreak' },
      { 'x402/payment': 7 },
      { 'x402/payment': { x402Version: 2, payload: deep } },
      { 'x402/payment': { x402Version: 9 } },
      { 'org.paymentauth/credential': 'text' },
      { 'org.paymentauth/credential': { challenge: { request: deep } } },
      { 'org.paymentauth/credential': { challenge: null, payload: {} } },
    ]
    for (const credential of credentials) {
      const { isError, structuredContent, _meta = {} } = await callTool(client, withMeta(REPORT, credential))
      expect(isError).toBe(true)
      expect(structuredContent).toHaveProperty('accepts')
      expect(_meta['org.paymentauth/payment-required']).toMatchObject({
        problem: { type: 'https://paymentauth.org/problems/malformed-credential' },
      })
    }
    const both = withMeta(REPORT, { 'x402/payment': {}, 'org.paymentauth/credential': {} })
    expect(problemOf(await callTool(client, both))).toMatchObject({ code: 'bad-request' })
    expect(shop.runs('report')).toBe(0)
  })
})

describe('a paid tool', () => {
  it('has the vault of its payment, and of its session', async () => {
    const options = { vaults: { blobs: memoryBlobs() } }
    const serve: Ware['serve'] = async ({ city }, { vault }) => {
      await vault?.addDocument({ city }, city)
      return textResult(vault?.id ?? 'none')
    }
    const shop = open({ report: { price: '0.01', vault: true, acceptSessions: true, serve } }, options)
    const client = await shop.connect()
    const first = await X402.call(client, payer, chains, REPORT)
    const session = { 'coffer/session': first._meta?.['coffer/session'] }
    expect(await callTool(client, withMeta({ ...REPORT, arguments: { city: 'Oslo' } }, session))).toEqual({
      content: first.content,
    })
    const { vaultId } = shop.grants.at(-1)?.payment ?? {}
    const vault = await shop.coffer.vaults?.open(String(vaultId))
    expect((await vault?.getManifest())?.documents.map(({ label }) => label)).toEqual(['Rome', 'Oslo'])
  })

  it('whose answer got lost gives it again, to who has named the call (case 13)', async () => {
    const shop = open({ report: { price: '0.01' } })
    const client = await shop.connect()
    const before = await chains.evm.balanceOf(shop.seller)
    const named = withMeta(REPORT, { 'coffer/idempotency-key': 'a "key" of mine' })
    const paid = await preparePaidCall(MPP, client, payer, chains, named)
    const first = await callTool(client, paid)
    expect(first._meta).toMatchObject({ 'org.paymentauth/receipt': { challengeId: expect.any(String) } })
    expect(await callTool(client, paid)).toEqual(first)
    const anew = await preparePaidCall(MPP, client, payer, chains, named)
    expect(await callTool(client, anew)).toEqual(first)
    expect(shop.runs('report')).toBe(1)
    expect((await chains.evm.balanceOf(shop.seller)) - before).toBe(PRICE)
    const malformed = withMeta(REPORT, { ...paid._meta, 'coffer/idempotency-key': 7 })
    expect(problemOf(await callTool(client, malformed))).toMatchObject({ code: 'bad-request' })
  })

  it('that is cancelled is owed, and says so to the handler', async () => {
    const cancelling = new AbortController()
    const serve: Ware['serve'] = async ({ city }, _, run) => {
      cancelling.abort('enough')
      await new Promise((resolve) => setTimeout(resolve, 20))
      return textResult(`${city} ${run}`)
    }
    const shop = open({ report: { price: '0.01', serve } })
    const client = await shop.connect()
    const paid = await preparePaidCall(X402, client, payer, chains, REPORT)
    const cancelled = client.callTool({ ...paid }, undefined, { signal: cancelling.signal })
    await expect(cancelled).rejects.toThrow('enough')
    // The handler is still at work when the client has given up.
    const again = () => callTool(client, paid)
    await expect.poll(again).toMatchObject({ content: [{ text: 'Rome 2' }] })
    expect(shop.grants.at(-1)?.payment.redeemed).toBe(true)
  })

  it('with an output schema is paid by clients that check it, and owes results that break it', async () => {
    const { coffer } = createSeller({ evm: [chains.evm], tempo: chains.tempo })
    const outputSchema = z.object({ degrees: z.number() })
    let runs = 0
    const server = new McpServer({ name: 'shop', version: '1.0.0' })
    const tool = paidTool(coffer, { name: 'report', price: '0.01', outputSchema }, () => {
      runs++
      return { content: [], structuredContent: { degrees: runs === 1 ? 'warm' : 21 } }
    })
    server.registerTool('report', { inputSchema: { city: z.string() }, outputSchema }, tool)
    const client = await connectTo(server)
    await client.listTools()
    const paid = await preparePaidCall(X402, client, payer, chains, REPORT)
    expect(await callTool(client, paid)).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('output schema') }],
    })
    const delivered = await callTool(client, paid)
    expect(delivered).toMatchObject({ structuredContent: { degrees: 21 } })
    expect(delivered._meta).toHaveProperty(['x402/payment-response', 'transaction'])
    const refused = await callTool(client, paid)
    expect([problemOf(refused)['code'], refused.structuredContent]).toEqual(['duplicate-payment', undefined])
    await coffer.close()
  })

  it('may take no arguments, whether it has a schema or not', async () => {
    const { coffer } = createSeller({ evm: [chains.evm], tempo: chains.tempo })
    const server = new McpServer({ name: 'shop', version: '1.0.0' })
    const asked: unknown[] = []
    const price = (args: unknown) => {
      asked.push(args)
      return '0.01'
    }
    for (const [name, config] of [
      ['without', {}],
      ['with', { inputSchema: {} }],
    ] as const) {
      const tool = paidTool(coffer, { name, price }, (args, { wallet }, { signal }) =>
        textResult(JSON.stringify([args, wallet.id, signal instanceof AbortSignal])),
      )
      server.registerTool(name, config, tool)
      const client = await connectTo(server)
      const result = await X402.call(client, payer, chains, { name, arguments: {} })
      expect(result).toMatchObject({ content: [{ text: '[{},"main",true]' }] })
      await client.close()
    }
    expect(asked).toEqual([{}, {}, {}, {}])
    await coffer.close()
  })

  it('that asks for another round has not delivered yet', async () => {
    const { coffer } = createSeller({ evm: [chains.evm], tempo: chains.tempo, stub: true })
    let runs = 0
    const tool = paidTool(coffer, { name: 'report', price: '0.01' }, () => {
      runs++
      return { content: [], resultType: runs === 1 ? 'input_required' : 'complete' }
    })
    const call = () => tool(ROME, { _meta: { 'x402/payment': 'stub_1' } })
    expect(await call()).toEqual({ content: [], resultType: 'input_required' })
    expect(await call()).toMatchObject({ resultType: 'complete' })
    expect(await call()).toMatchObject({ structuredContent: { code: 'duplicate-payment' } })
    await coffer.close()
  })

  it('checks its options at once', async () => {
    const { coffer } = createSeller({ evm: [chains.evm], tempo: chains.tempo })
    const make = (options: object) => () =>
      paidTool(coffer, options as { name: string; price: string }, () => textResult(''))
    for (const name of ['', '..', 'x'.repeat(129), '\ud800', undefined])
      expect(make({ name, price: '1' })).toThrow(/^name: /)
    expect(make({ name: 'a', price: '1e3' })).toThrow(/^price: /)
    expect(make({ name: 'a', price: '1', bindBody: true })).toThrow(/bindBody/)
    await coffer.close()
  })
})

describe('an unpaid call that throws', () => {
  const open402 = (toError: (error: UnpaidError) => Error) => open({ report: { price: '0.01', toError } })

  it('is error -32042 to clients of MPP, and of x402 that look there', async () => {
    const shop = open402(({ code, message, data }) => new McpError(code, message, data))
    const client = await shop.connect()
    const unpaid = await callTool(client, REPORT).catch((error: unknown) => error)
    expect(unpaid).toMatchObject({
      code: -32042,
      data: { httpStatus: 402, challenges: [{}, {}], problem: {} },
    })
    expect(parsePaymentRequired((unpaid as { data: { x402: unknown } }).data.x402).success).toBe(true)
    for (const kind of [MPP, kindOf('MPP tempo pull')]) {
      const from = kind === MPP ? payer : tempoPayer
      expect(await kind.call(client, from, chains, REPORT)).toMatchObject({ receipt: { status: 'success' } })
    }
    expect(shop.runs('report')).toBe(2)
  })

  it('is error 402 to clients of x402 v1 (transports-v1/mcp.md), where a server lets it through', async () => {
    const thrown: number[] = []
    const shop = open402(({ code, message, data }) => {
      thrown.push(code)
      return new McpError(402, message, data)
    })
    const server = new Server({ name: 'shop', version: '1.0.0' }, { capabilities: { tools: {} } })
    server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
      shop.handlerOf(params.name)({ city: String(params.arguments?.['city']) }, extra),
    )
    const client = await connectTo(server)
    const unpaid = await callTool(client, REPORT).catch((error: unknown) => error)
    expect(unpaid).toMatchObject({
      code: 402,
      data: {
        x402Version: 1,
        error: 'payment-required',
        accepts: [{ network: 'base-sepolia', maxAmountRequired: '10000', resource: 'mcp://tool/report' }],
      },
    })
    const [offer] = (unpaid as { data: { accepts: unknown[] } }).data.accepts
    const payment = JSON.parse(atob(await createV1Payment(payer, chains, offer)))
    expect(payment).toMatchObject({ x402Version: 1, scheme: 'exact', network: 'base-sepolia' })
    const before = await chains.evm.balanceOf(shop.seller)
    const result = await callTool(client, withMeta(REPORT, { 'x402/payment': payment }))
    expect(result).toMatchObject({
      content: [{ text: 'Rome 1' }],
      _meta: { 'x402/payment-response': { success: true, network: 'base-sepolia' } },
    })
    expect((await chains.evm.balanceOf(shop.seller)) - before).toBe(PRICE)
    for (const credential of [{ 'x402/payment': {} }, { 'x402/payment': { ...payment, network: 'base' } }])
      await expect(callTool(client, withMeta(REPORT, credential))).rejects.toMatchObject({ code: 402 })
    expect(thrown).toEqual([-32042, -32602, -32043])
    await client.close()
  })
})

describe('paid tools, on a server', () => {
  it('of version 2 of the SDK, are paid by both protocols', async () => {
    const { coffer, seller } = createSeller({ evm: [chains.evm], tempo: chains.tempo })
    const server = new McpServer2({ name: 'shop', version: '1.0.0' })
    const inputSchema = z.object({ city: z.string() })
    const tool = paidTool(
      coffer,
      { name: 'report', price: '0.01' },
      ({ city }: { city: string }, { payment }) => textResult(`${city} ${payment.protocol}`),
    )
    server.registerTool('report', { inputSchema }, tool)
    const toError = ({ code, message, data }: UnpaidError) => new ProtocolError(code, message, data)
    const throwing = paidTool(coffer, { name: 'throwing', price: '0.01', toError }, () =>
      textResult('thrown'),
    )
    server.registerTool('throwing', { inputSchema }, throwing)
    const client = await connectTo(server as unknown as McpServer)
    const before = await chains.evm.balanceOf(seller)
    const call = (kind: ToolClientKind, name = 'report') =>
      kind.call(client, payer, chains, { name, arguments: ROME })
    expect(await call(X402)).toMatchObject({
      content: [{ text: 'Rome x402' }],
      _meta: { 'x402/payment-response': { success: true } },
    })
    expect(await call(MPP)).toMatchObject({ content: [{ text: 'Rome mpp' }], receipt: { status: 'success' } })
    expect(await call(MPP, 'throwing')).toMatchObject({ content: [{ text: 'thrown' }] })
    expect((await chains.evm.balanceOf(seller)) - before).toBe(3n * PRICE)
    await client.close()
    await coffer.close()
  })

  it('over HTTP, know the host and the proxy before it', async () => {
    const shop = open(
      { report: { price: '0.01' } },
      { trustProxy: 1, challengeLimit: { max: 1, window: 60 } },
    )
    const http = createHttpServer(async (request, response) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined as never })
      response.on('close', () => void transport.close())
      await shop.createServer().connect(transport)
      await transport.handleRequest(request, response)
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`)
    const connect = async (address: string) => {
      const client = new Client({ name: 'agent', version: '1.0.0' })
      const requestInit = { headers: { 'x-forwarded-for': address } }
      await client.connect(new StreamableHTTPClientTransport(url, { requestInit }) as never)
      return client
    }
    try {
      const client = await connect('192.0.2.1')
      const unpaid = await callTool(client, REPORT)
      expect(unpaid._meta?.['org.paymentauth/payment-required']).toMatchObject({
        challenges: [{ realm: '127.0.0.1' }, { realm: '127.0.0.1' }],
      })
      expect(problemOf(await callTool(client, REPORT))).toMatchObject({ code: 'rate-limit-exceeded' })
      const other = await connect('192.0.2.2')
      expect(await MPP.call(other, payer, chains, REPORT)).toMatchObject({ content: [{ text: 'Rome 1' }] })
      await Promise.all([client.close(), other.close()])
    } finally {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    }
  })
})
