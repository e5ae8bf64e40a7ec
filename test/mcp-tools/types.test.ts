import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as McpServer2, type ServerContext } from '@modelcontextprotocol/server'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { paidTool, type ToolContext } from '../../adapters/mcp-tools.ts'
import type { GrantedPayment, GrantedSession, GrantedWallet, Vault } from '../../src/index.ts'
import { memoryBlobs } from '../../src/memory.ts'
import { createSeller } from '../gate/scripted.ts'

const { coffer } = createSeller({ vaults: { blobs: memoryBlobs() } })
const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] })

describe('the types of a paid tool', () => {
  it('are those of the SDK, and of the options', () => {
    const server = new McpServer({ name: 'shop', version: '1.0.0' })
    server.registerTool(
      'shape',
      { inputSchema: { city: z.string(), days: z.number().optional() } },
      paidTool(coffer, { name: 'shape', price: '0.01' }, async (args, { payment, wallet, vault }, extra) => {
        expectTypeOf(args.city).toEqualTypeOf<string>()
        expectTypeOf(args.days).toEqualTypeOf<number | undefined>()
        expectTypeOf(extra.signal).toEqualTypeOf<AbortSignal>()
        expectTypeOf(payment).toEqualTypeOf<GrantedPayment>()
        expectTypeOf(wallet).toEqualTypeOf<GrantedWallet>()
        expectTypeOf(vault).toEqualTypeOf<null>()
        return { content: [{ type: 'text', text: args.city }] }
      }),
    )
    server.registerTool(
      'schema',
      { inputSchema: z.object({ city: z.string() }) },
      paidTool(
        coffer,
        {
          name: 'schema',
          price: ({ city }) => (city === 'Rome' ? '0.02' : '0.01'),
          vault: true,
          acceptSessions: true,
        },
        ({ city }, { vault, session }) => {
          expectTypeOf(city).toEqualTypeOf<string>()
          expectTypeOf(vault).toEqualTypeOf<Vault>()
          expectTypeOf(session).toEqualTypeOf<GrantedSession>()
          return text(city)
        },
      ),
    )
    server.registerTool(
      'nothing',
      {},
      paidTool(coffer, { name: 'nothing', price: '0.01' }, (_, { payment }) => {
        expectTypeOf(payment).toEqualTypeOf<GrantedPayment>()
        return text('nothing')
      }),
    )
    const alone = paidTool(coffer, { name: 'alone', price: '0.01' }, async ({ city }: { city: string }) => ({
      content: [{ type: 'text', text: city }],
    }))
    expectTypeOf(alone).parameter(0).toEqualTypeOf<{ city: string }>()
    expectTypeOf(alone).parameter(1).toEqualTypeOf<ToolContext | undefined>()
    server.registerTool('alone', { inputSchema: { city: z.string() } }, alone)
  })

  it('are those of version 2 of the SDK', () => {
    const server = new McpServer2({ name: 'shop', version: '1.0.0' })
    server.registerTool(
      'schema',
      { inputSchema: z.object({ city: z.string() }) },
      paidTool(
        coffer,
        { name: 'schema', price: ({ city }) => city, vault: true },
        ({ city }, { vault }, context) => {
          expectTypeOf(city).toEqualTypeOf<string>()
          expectTypeOf(vault).toEqualTypeOf<Vault>()
          expectTypeOf(context).toEqualTypeOf<ServerContext>()
          return { content: [{ type: 'text', text: city }] }
        },
      ),
    )
    server.registerTool(
      'nothing',
      {},
      paidTool(coffer, { name: 'nothing', price: '0.01' }, (_, { payment }) => text(payment.payer)),
    )
  })
})
