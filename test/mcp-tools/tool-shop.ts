import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { paidTool, type ToolOptions } from '../../adapters/mcp-tools.ts'
import type { Coffer, Grant, SessionOptions } from '../../src/index.ts'
import type { Address } from '../../src/payments/address.ts'
import { createSeller, type ShopOptions } from '../end-to-end/shop.ts'

/** Arguments of every tool here. */
export type Args = { readonly city: string }

/** A tool that is for sale. */
export interface Ware extends Omit<ToolOptions<Args>, 'name'> {
  /** Answers a paid call; `run` counts its runs from 1. Default: text that names the city and the run. */
  readonly serve?: (args: Args, grant: Grant, run: number) => CallToolResult | Promise<CallToolResult>
}

/** A server of MCP with paid tools, beside a free one, which counts what it does. */
export interface ToolShop {
  readonly coffer: Coffer
  /** Address that is paid; new, so that its balance is what the shop has earned. */
  readonly seller: Address
  /** A new client, connected by a transport in memory to a server of its own. */
  connect(): Promise<Client>
  /** A new server, not connected yet. */
  createServer(): McpServer
  /** The handler of a tool, for servers of other kinds. */
  handlerOf(name: string): ReturnType<typeof paidTool<Args, object, CallToolResult>>
  /** How often the handler of a tool ran. */
  runs(name: string): number
  readonly grants: readonly Grant[]
  stop(): Promise<void>
}

/** Opens a shop. */
export function openToolShop(wares: Readonly<Record<string, Ware>>, options: ShopOptions): ToolShop {
  const { coffer, seller } = createSeller(options)
  const runs = new Map<string, number>()
  const grants: Grant[] = []
  const clients: Client[] = []
  const handlers = new Map(
    Object.entries(wares).map(([name, { serve = serveRun, ...ware }]) => {
      const handler = (args: Args, grant: Grant): CallToolResult | Promise<CallToolResult> => {
        const run = (runs.get(name) ?? 0) + 1
        runs.set(name, run)
        grants.push(grant)
        return serve(args, grant, run)
      }
      const tool = paidTool<Args, object, CallToolResult, boolean, boolean | SessionOptions>(
        coffer,
        { ...ware, name },
        handler,
      )
      return [name, tool]
    }),
  )

  function handlerOf(name: string): ReturnType<ToolShop['handlerOf']> {
    const handler = handlers.get(name)
    if (handler === undefined) throw new Error(`there is no tool ${name}`)
    return handler
  }

  function createServer(): McpServer {
    const server = new McpServer({ name: 'shop', version: '1.0.0' })
    for (const name of handlers.keys()) {
      server.registerTool(name, { inputSchema: { city: z.string() } }, handlerOf(name))
    }
    server.registerTool('free', { inputSchema: { city: z.string() } }, ({ city }) => textResult(city))
    return server
  }

  return {
    coffer,
    seller,
    grants,
    createServer,
    handlerOf,
    runs: (name) => runs.get(name) ?? 0,
    async connect() {
      const client = await connectTo(createServer())
      clients.push(client)
      return client
    },
    async stop() {
      await Promise.all(clients.map((client) => client.close()))
      await coffer.close()
    },
  }
}

/** A client of a server, by a transport in memory. */
export async function connectTo(server: { connect(transport: Transport): Promise<void> }): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  const client = new Client({ name: 'agent', version: '1.0.0' })
  await Promise.all([server.connect(far), client.connect(near)])
  return client
}

/** A result that is a text. */
export const textResult = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] })

const serveRun: NonNullable<Ware['serve']> = ({ city }, _, run) => textResult(`${city} ${run}`)
