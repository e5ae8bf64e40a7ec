import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { callTool, toolClientKinds } from './tool-clients.ts'

let chains: Chains
let client: Client
beforeAll(async () => {
  chains = await startChains()
  const { evm, tempo } = chains
  const told = {
    evm: { url: evm.url, chainId: evm.chainId, accounts: evm.accounts },
    tempo: { url: tempo.url, chainId: tempo.chainId },
  }
  client = new Client({ name: 'agent', version: '1.0.0' })
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [fileURLToPath(new URL('stdio-server.ts', import.meta.url))],
      env: { SHOP_CHAINS: JSON.stringify(told) },
    }),
  )
})
afterAll(async () => {
  await client?.close()
  await stopChains(chains)
})

it.each(toolClientKinds)('$name pays a tool of a server on stdio', async (kind) => {
  const payer = await kind.createPayer(chains)
  const params = { name: 'report', arguments: { city: 'Rome' } }
  const result = await kind.call(client, payer, chains, params)
  expect(result).toMatchObject({ content: [{ text: expect.stringContaining('Rome') }] })
  expect(result._meta).toHaveProperty([kind.receipt])
  expect(TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address))).toBe(10_000n)
  // Nobody is a host here.
  const unpaid = await callTool(client, params)
  expect(unpaid._meta?.['org.paymentauth/payment-required']).toMatchObject({
    challenges: [{ realm: 'mcp' }, { realm: 'mcp' }],
  })
})
