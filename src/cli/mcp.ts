import type { Mcp, McpOptions } from '../mcp.ts'
import { agentOptions, listOf, openAgent } from './agent/agent-options.ts'
import { type Command, type CommandCall, EXIT, UsageError } from './command.ts'
import { installed } from './storage/driver.ts'

/** `coffer mcp`: for hosts that start it as a program, or for several over HTTP. */
export const mcp: Command = {
  name: 'mcp',
  summary: 'Serves the wallet as tools for models (Model Context Protocol)',
  usage: '[--max <usd>] [--max-day <usd>] [--http <port> [--host <address>] [--token-env <name>]]',
  options: {
    'session-ttl': {
      type: 'string',
      help: 'seconds that a session is used, default SESSION_TTL_SECONDS or 3600',
    },
    http: { type: 'string', help: 'port for HTTP, 0 for a free one; default standard input and output' },
    host: { type: 'string', help: 'address to listen on, default 127.0.0.1; others take a token' },
    'token-env': {
      type: 'string',
      help: 'environment variable with a token that callers must show, default COFFER_MCP_TOKEN',
    },
    'allow-host': {
      type: 'string',
      multiple: true,
      help: 'further name that it may be called by over HTTP; may be repeated',
    },
    'allow-page': {
      type: 'string',
      multiple: true,
      help: 'origin whose pages may call it over HTTP, default those on this machine; may be repeated',
    },
    ...agentOptions,
  },

  async run(call) {
    const { values, terminal } = call
    const isHttp = values['http'] !== undefined
    if (!isHttp && values['passphrase-fd'] === '0')
      throw new UsageError('--passphrase-fd: 0 is what MCP is spoken on')
    const sessionTtl = readTtl(call)
    const http = isHttp ? await import('./mcp-http.ts') : null
    const place = http?.readPlace(call)
    const loaded = await installed(() => import('../mcp.ts'))
    if (loaded === null) {
      throw new Error('it takes a package that is not installed: npm install @modelcontextprotocol/sdk')
    }
    const agent = await openAgent(call)
    try {
      // Who starts it may still be asked; nobody is there when a tool is called.
      await agent.unlock()
      const origins = listOf(values['origin'])
      const served = loaded.createMcp({
        pay: agent.pay,
        sessionTtl,
        ...(origins.length > 0 && { origins }),
        ...(place && { http: place.access }),
        onError: (error) => terminal.err(`coffer mcp: ${describe(error)}\n`),
      })
      await (http !== null && place !== undefined
        ? http.serveHttp(served, place, terminal)
        : serveStdio(served, call))
      return EXIT.ok
    } finally {
      await agent.close()
    }
  },
}

/** Serves until standard input ends, or the program is asked to. */
async function serveStdio(served: Mcp, { terminal }: CommandCall): Promise<void> {
  const { StdioServerTransport } = await import('@modelcontextprotocol/sdk/server/stdio.js')
  const server = served.createServer()
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => resolve())
    server.onclose = resolve
    if (terminal.signal.aborted) resolve()
    terminal.signal.addEventListener('abort', () => resolve())
  })
  await server.connect(new StdioServerTransport())
  terminal.err('coffer mcp: ready on standard input and output\n')
  await ended
  // Nothing is said any more, to a host that may be gone; then what is under way is written down.
  await server.close()
  await served.close()
}

/** @throws UsageError. */
function readTtl({ values, terminal }: CommandCall): NonNullable<McpOptions['sessionTtl']> {
  const text = String(values['session-ttl'] ?? (terminal.env['SESSION_TTL_SECONDS'] || '3600'))
  if (/^\d{2,7}$/.test(text) && Number(text) >= 60 && Number(text) <= 2_592_000) return Number(text)
  throw new UsageError('--session-ttl, SESSION_TTL_SECONDS: expected seconds from 60 to 2592000')
}

/** What kind of error it was, and where. Its message may repeat what models and servers wrote. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'something was thrown that is no error'
  const [place = ''] = /^ +at .*$/m.exec(error.stack ?? '') ?? []
  return `${error.name}${'code' in error ? ` (${String(error.code)})` : ''}${place.replace(/^ +/, ' ')}`
}
