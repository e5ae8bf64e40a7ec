import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { McpError } from '@modelcontextprotocol/sdk/types.js'
import { Mppx, Transport, tempo } from 'mppx/server'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { paidTool } from '../../adapters/mcp-tools.ts'
import { type PayToolsOptions, payTools, type ToolCallParams } from '../../adapters/pay-tools.ts'
import { memory } from '../../src/stores/memory.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, createTempoPayer, type Payer, tempoClient } from '../clients/payers.ts'
import { createSeller, newAddress } from '../end-to-end/shop.ts'
import { callTool } from './tool-clients.ts'
import { connectTo, openToolShop, type ToolShop, textResult } from './tool-shop.ts'

const PRICE = 10_000n
const REPORT = { name: 'report', arguments: { city: 'Rome' } }
const SERVER = 'https://mcp.test/mcp'

let chains: Chains
let shop: ToolShop
let client: Client
let evmPayer: Payer
let tempoPayer: Payer
let isLost = false
beforeAll(async () => {
  chains = await startChains()
  ;[evmPayer, tempoPayer] = await Promise.all([createEvmPayer(chains.evm), createTempoPayer(chains.tempo)])
  shop = openToolShop(
    {
      report: { price: '0.01' },
      dear: { price: '5' },
      session: { price: '0.01', acceptSessions: true },
      bound: { price: '0.01', acceptSessions: { bindPayer: true } },
      thrown: { price: '0.01', toError: ({ code, message, data }) => new McpError(code, message, data) },
      flaky: {
        price: '0.01',
        serve: (_args, _grant, run) => ({ ...textResult(`run ${run}`), isError: run === 1 }),
      },
    },
    { evm: [chains.evm], tempo: chains.tempo },
  )
  client = await shop.connect()
})
afterAll(async () => {
  await shop?.stop()
  await stopChains(chains)
})

/** The client of a payer; the answer of a call with a payment gets lost when `isLost`. */
function paying(payer: Payer, options: Partial<PayToolsOptions> = {}) {
  const sent: ToolCallParams[] = []
  const call = async (params: ToolCallParams): Promise<CallToolResult> => {
    sent.push(params)
    const result = await callTool(client, params)
    const isPaid = Object.keys(params._meta ?? {}).some((key) => /payment$|credential$/.test(key))
    if (isLost && isPaid) throw new Error('the connection was lost')
    return result
  }
  const { evm, tempo } = chains
  const tools = payTools(call, {
    server: SERVER,
    wallet: privateKeyToAccount(payer.privateKey),
    budget: { payment: '0.10', day: '5' },
    rpc: { [`eip155:${evm.chainId}`]: evm.url, [`eip155:${tempo.chainId}`]: tempo.url },
    ...options,
  })
  return { tools, sent }
}

const mpp = { protocols: ['mpp'] } as const

describe('payTools()', () => {
  it.each([
    ['x402', 'evm', { protocols: ['x402'] }],
    ['mpp', 'evm', { protocols: ['mpp'], networks: ['eip155:84532'] }],
    ['mpp', 'tempo', { protocols: ['mpp'], networks: ['eip155:42431'] }],
  ] as const)('pays with %s on %s, once, and keeps the books', async (protocol, chain, policy) => {
    const payer = chain === 'evm' ? evmPayer : tempoPayer
    const { tools, sent } = paying(payer, { policy })
    const [before, ran] = [await chains[chain].balanceOf(shop.seller), shop.runs('report')]
    const result = await tools.callTool({ ...REPORT, _meta: { own: 1 } })
    expect(result.content).toEqual([{ type: 'text', text: `Rome ${ran + 1}` }])
    expect((await chains[chain].balanceOf(shop.seller)) - before).toBe(PRICE)
    expect(tools.paymentOf(result)).toMatchObject({ amount: '0.01', receipt: { status: 'matches' } })
    expect(await tools.attempts()).toMatchObject([{ state: 'paid', request: { url: `${SERVER}/report` } }])
    expect(await tools.spending({ host: 'mcp.test' })).toMatchObject({ usd: { spent: '0.01' } })
    expect(sent.map(({ _meta }) => _meta?.['own'])).toEqual([1, 1])
    expect(shop.grants.at(-1)?.payment.protocol).toBe(protocol)
  })

  it('signs nothing beyond its budget, and nothing when it is told not to pay', async () => {
    const { tools, sent } = paying(evmPayer)
    const dear = { ...REPORT, name: 'dear' }
    await expect(tools.callTool(dear)).rejects.toMatchObject({ code: 'payment-refused' })
    const unpaid = await tools.callTool(dear, { pay: false })
    expect(unpaid).toMatchObject({ isError: true, structuredContent: { x402Version: 2 } })
    await expect(tools.callTool(REPORT, { max: '0.001' })).rejects.toMatchObject({ code: 'payment-refused' })
    expect(sent.map(({ _meta = {} }) => Object.keys(_meta))).toEqual([[], [], []])
    expect(tools.paymentOf(unpaid)).toBeNull()
  })

  it('leaves free tools and failures alone', async () => {
    const { tools, sent } = paying(evmPayer)
    const free = { name: 'free', arguments: { city: 'Rome' } }
    expect(await tools.callTool(free)).toEqual(textResult('Rome'))
    expect(sent).toEqual([free])
    expect(await tools.callTool({ name: 'unknown' })).toMatchObject({ isError: true })
    const failing = payTools(() => Promise.reject(new Error('no such host')), {
      server: SERVER,
      wallet: privateKeyToAccount(evmPayer.privateKey),
      budget: { payment: '0.10' },
    })
    await expect(failing.callTool(REPORT)).rejects.toThrow('no such host')
    expect(() => paying(evmPayer, { server: 'stdio' })).toThrow(/^server: /)
  })

  it.each([
    ['session', 4],
    // Each is refused before it is shown with a signature.
    ['bound', 6],
  ])('goes on in the session that a payment has opened (%s)', async (name, calls) => {
    const { tools, sent } = paying(evmPayer)
    const before = await chains.evm.balanceOf(shop.seller)
    for (const city of ['Rome', 'Oslo', 'Lima']) {
      const result = await tools.callTool({ name, arguments: { city } })
      expect(result).toMatchObject({ content: [{ text: expect.stringContaining(city) }] })
    }
    expect((await chains.evm.balanceOf(shop.seller)) - before).toBe(PRICE)
    expect(sent).toHaveLength(calls)
  })

  it('pays tools that throw error -32042, and throws it when it is not to pay', async () => {
    const { tools } = paying(evmPayer)
    const thrown = { ...REPORT, name: 'thrown' }
    await expect(tools.callTool(thrown, { pay: false })).rejects.toMatchObject({ code: -32042 })
    expect(await tools.callTool(thrown)).toMatchObject({ content: [{ text: 'Rome 1' }] })
  })

  it.each([{ protocols: ['x402'] }, mpp] as const)(
    'fetches a result that got lost, in the next process too, without paying again (%o)',
    async (policy) => {
      const store = memory()
      const { tools } = paying(evmPayer, { policy, store, patienceMs: 300 })
      const [before, ran] = [await chains.evm.balanceOf(shop.seller), shop.runs('report')]
      const args = { city: `Rome ${policy.protocols[0]}` }
      isLost = true
      try {
        await expect(tools.callTool({ ...REPORT, arguments: args })).rejects.toMatchObject({
          code: 'payment-unresolved',
        })
      } finally {
        isLost = false
      }
      const next = paying(evmPayer, { policy, store }).tools
      const [open] = await next.attempts()
      const result = await next.callTool({ ...REPORT, arguments: args })
      expect(result.content).toEqual([{ type: 'text', text: `${args.city} ${ran + 1}` }])
      expect(next.paymentOf(result)?.attempt.id).toBe(open?.id)
      expect(shop.runs('report')).toBe(ran + 1)
      expect((await chains.evm.balanceOf(shop.seller)) - before).toBe(PRICE)
    },
  )

  it('has a failed tool run again for what it has paid', async () => {
    const { tools } = paying(evmPayer)
    const before = await chains.evm.balanceOf(shop.seller)
    const flaky = { ...REPORT, name: 'flaky' }
    expect(await tools.callTool(flaky)).toMatchObject({ isError: true, content: [{ text: 'run 1' }] })
    const [attempt] = await tools.attempts()
    expect(await tools.resume(String(attempt?.id))).toMatchObject({ content: [{ text: 'run 2' }] })
    expect((await chains.evm.balanceOf(shop.seller)) - before).toBe(PRICE)
  })
})

describe('payTools(), at the servers of others', () => {
  it('pays a tool of mppx', async () => {
    const seller = newAddress()
    const { account } = tempoClient(tempoPayer.privateKey, chains.tempo)
    const mppx = Mppx.create({
      secretKey: 'a secret of at least thirty-two bytes',
      realm: 'peer',
      transport: Transport.mcpSdk(),
      methods: [
        tempo.charge({
          account,
          recipient: seller,
          currency: chains.tempo.pathUsd.address,
          decimals: 6,
          getClient: () => tempoClient(chains.tempo.accounts[2]?.privateKey ?? '0x', chains.tempo),
          testnet: true,
        } as never),
      ] as never,
    })
    const charge = (mppx as unknown as { charge(options: object): (extra: unknown) => Promise<Charged> })
      .charge
    const server = new McpServer({ name: 'peer', version: '1.0.0' })
    server.registerTool('report', {}, async (extra) => {
      const outcome = await charge({ amount: '0.01' })(extra)
      if (outcome.status === 402) throw outcome.challenge
      return outcome.withReceipt(textResult('paid'))
    })
    const peer = await connectTo(server)
    const { evm, tempo: chain } = chains
    const tools = payTools((params) => callTool(peer, params), {
      server: SERVER,
      wallet: privateKeyToAccount(tempoPayer.privateKey),
      budget: { payment: '0.10' },
      rpc: { [`eip155:${evm.chainId}`]: evm.url, [`eip155:${chain.chainId}`]: chain.url },
    })
    const result = await tools.callTool({ name: 'report' })
    expect(result).toMatchObject({ content: [{ text: 'paid' }] })
    expect(tools.paymentOf(result)?.receipt.status).toBe('matches')
    expect(await chains.tempo.balanceOf(seller)).toBe(PRICE)
  })

  it('pays a tool that reads arguments otherwise than they were written', async () => {
    const { coffer, seller } = createSeller({ evm: [chains.evm], tempo: chains.tempo })
    const server = new McpServer({ name: 'shop', version: '1.0.0' })
    const inputSchema = { city: z.string().trim(), days: z.number().default(7) }
    const tool = paidTool(coffer, { name: 'report', price: '0.01' }, (args) =>
      textResult(JSON.stringify(args)),
    )
    server.registerTool('report', { inputSchema }, tool)
    const peer = await connectTo(server)
    const tools = payTools((params) => callTool(peer, params), {
      server: SERVER,
      wallet: privateKeyToAccount(evmPayer.privateKey),
      budget: { payment: '0.10' },
      policy: { protocols: ['mpp'], networks: ['eip155:84532'] },
    })
    const result = await tools.callTool({ name: 'report', arguments: { city: ' Rome ' } })
    expect(result).toMatchObject({ content: [{ text: '{"city":"Rome","days":7}' }] })
    expect(await chains.evm.balanceOf(seller)).toBe(PRICE)
    await peer.close()
    await coffer.close()
  })
})

/** What the peer says of a call. */
interface Charged {
  readonly status: number
  readonly challenge: Error
  withReceipt(result: CallToolResult): CallToolResult
}
