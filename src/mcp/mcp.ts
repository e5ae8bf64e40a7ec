import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js'
import { createGuard } from './access.ts'
import { describeFailure } from './failure.ts'
import { answerHttp, type Connections } from './http.ts'
import { type McpOptions, readMcpOptions } from './options.ts'
import { startProgress } from './progress.ts'
import { failed, formatResult, formatTool, readInput, type Tool } from './tool.ts'
import { INSTRUCTIONS, tools } from './tools.ts'

/** An agent's wallet as tools for models. */
export interface Mcp {
  /** A server for one connection, such as `StdioServerTransport`. */
  createServer(): Server
  /** Streamable HTTP, for every runtime with `fetch`: answers requests to whatever path it is mounted at. */
  fetch(request: Request): Promise<Response>
  /** Ends the calls that are under way, and resolves when all is written down. */
  close(): Promise<void>
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

/**
 * Makes tools of a wallet: `x402_session_start`, `x402_session_fetch`, `x402_session_status`, `x402_session_end`, `x402_pay`,
 * `vault_read`, `vault_events`. They keep nothing themselves: sessions and payments are in the store of `pay`.
 *
 * ```ts
 * const mcp = createMcp({ pay: payFetch({ wallet, budget: { payment: '0.10', day: '5' }, store: agentFile('agent.db') }) })
 * Bun.serve({ hostname: '127.0.0.1', port: 4020, fetch: mcp.fetch })
 * ```
 *
 * @throws CofferError `invalid-option`.
 */
export function createMcp(options: McpOptions): Mcp {
  const desk = readMcpOptions(options)
  const guard = createGuard(options.http)
  const stopping = new AbortController()
  const running = new Set<Promise<unknown>>()
  /** The last call that may pay, by what it is for. */
  const last = new Map<string, Promise<unknown>>()
  const connections: Connections = new Map()

  async function run(tool: Tool, given: unknown, extra: Extra): Promise<CallToolResult> {
    const signal = AbortSignal.any([extra.signal, stopping.signal])
    const progress = startProgress(tool.name, extra)
    try {
      const input = readInput(tool, given)
      const result = await inTurn(tool.pays?.(input), async () => {
        signal.throwIfAborted()
        return tool.run(input, { ...desk, signal })
      })
      return formatResult(result)
    } catch (error) {
      const failure = describeFailure(tool.name, error, signal)
      if (failure !== null) return formatResult(failure)
      desk.onError(error)
      // Its message may repeat anything.
      return formatResult(failed(`${tool.name} failed for a reason that is not for you to mend.`))
    } finally {
      progress.end()
    }
  }

  /**
   * Does what may pay when those before it, for the same thing, have come to their end. Who gives a call up and makes it again
   * is to find the payment of the first one, not to make a second one beside it; and over HTTP the new call may be here before
   * the word that the old one was given up.
   */
  async function inTurn<Value>(thing: string | undefined, work: () => Promise<Value>): Promise<Value> {
    if (thing === undefined) return work()
    const before = last.get(thing)
    const mine = before === undefined ? work() : before.then(work, work)
    last.set(thing, mine)
    try {
      return await mine
    } finally {
      if (last.get(thing) === mine) last.delete(thing)
    }
  }

  function createServer(): Server {
    const about = { name: 'coffer', title: 'Coffer', version: VERSION }
    const server = new Server(about, { capabilities: { tools: {} }, instructions: INSTRUCTIONS })
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(formatTool) }))
    server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
      const tool = tools.find(({ name }) => name === params.name)
      if (tool === undefined) throw new McpError(ErrorCode.InvalidParams, 'there is no such tool')
      const call = run(tool, params.arguments ?? {}, extra)
      running.add(call)
      return call.finally(() => running.delete(call))
    })
    server.onerror = desk.onError
    return server
  }

  return {
    createServer,
    fetch: async (request) => (await guard(request)) ?? answerHttp(request, createServer, connections),
    async close() {
      stopping.abort()
      await Promise.allSettled(running)
    },
  }
}

/** Of the tools, not of the package: it changes when they do. */
const VERSION = '1.0.0'
