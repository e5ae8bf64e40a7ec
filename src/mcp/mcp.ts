import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import type { CallToolResult, ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js'
import { createGuard } from './access.ts'
import { describeFailure } from './call-error.ts'
import { answerHttp, type Connections } from './http.ts'
import { type McpOptions, readMcpOptions } from './options.ts'
import { startProgress } from './progress.ts'
import { failed, formatResult, type Tool } from './tool.ts'
import { INSTRUCTIONS, tools } from './tools.ts'

/** An agent's wallet as tools for models. */
export interface Mcp {
  /** A server for one connection, such as `StdioServerTransport`. */
  createServer(): McpServer
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
  const connections: Connections = new Map()

  async function run(tool: Tool, input: never, extra: Extra): Promise<CallToolResult> {
    const signal = AbortSignal.any([extra.signal, stopping.signal])
    const progress = startProgress(tool.name, extra)
    try {
      return formatResult(await tool.run(input, { ...desk, signal }))
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

  function createServer(): McpServer {
    const server = new McpServer(
      { name: 'coffer', title: 'Coffer', version: VERSION },
      { instructions: INSTRUCTIONS },
    )
    for (const tool of tools) {
      const { name, title, description, input, output, annotations } = tool
      const facts = { title, description, inputSchema: input, outputSchema: output, annotations }
      server.registerTool(name, facts, (given, extra) => {
        const call = run(tool, given as never, extra)
        running.add(call)
        return call.finally(() => running.delete(call))
      })
    }
    server.server.onerror = desk.onError
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
