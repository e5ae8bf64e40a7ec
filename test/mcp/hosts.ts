import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { afterEach } from 'vitest'
import type { Hex } from '../../src/lib/hex.ts'
import { createMcp, type McpOptions } from '../../src/mcp.ts'

/** The command line, from its sources: Node strips the types. */
export const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))

/** What a test starts `coffer mcp` with. */
export interface Setup {
  readonly privateKey: Hex
  /** File of the wallet's journal. */
  readonly agent: string
  readonly args?: readonly string[]
  /** What runs it, with arguments of its own. Default: this Node. */
  readonly runtime?: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
}

/** A host that is connected to a `coffer mcp`. */
export interface Host {
  readonly client: Client
  /** Calls a tool. */
  call(name: string, args?: Readonly<Record<string, unknown>>): Promise<Outcome>
  /** Process of the server. */
  readonly pid: number
  /** What the server wrote to standard error. */
  log(): string
  close(): Promise<void>
}

/** What a tool has said. */
export interface Outcome {
  readonly isError: boolean
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what tests look at
  readonly data: any
}

/** What a result of a tool says. */
export function outcomeOf(result: CallToolResult): Outcome {
  const [content] = result.content
  return {
    isError: result.isError === true,
    text: content?.type === 'text' ? content.text : '',
    data: result.structuredContent,
  }
}

const environment = ({ privateKey, agent, env }: Setup): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  COFFER_PRIVATE_KEY: privateKey,
  COFFER_AGENT: agent,
  ...env,
})

const calling =
  (client: Client): Host['call'] =>
  async (name, args = {}) =>
    outcomeOf((await client.callTool({ name, arguments: args })) as CallToolResult)

/** Starts `coffer mcp` as hosts do, and speaks to it over its standard input and output. */
export async function connectStdio(setup: Setup): Promise<Host> {
  const [command, ...own] = setup.runtime ?? ['node']
  const transport = new StdioClientTransport({
    command,
    args: [...own, BIN, 'mcp', ...(setup.args ?? [])],
    env: environment(setup),
    stderr: 'pipe',
  })
  let log = ''
  transport.stderr?.on('data', (chunk) => {
    log += chunk
  })
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)
  return {
    client,
    call: calling(client),
    pid: transport.pid ?? 0,
    log: () => log,
    close: () => client.close(),
  }
}

/** `coffer mcp --http`, on a free port. */
export interface HttpServer {
  readonly url: string
  readonly process: ChildProcess
  log(): string
  /** Ends it as an operator does. Resolves to its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts `coffer mcp --http`. */
export async function startHttp(setup: Setup, port = 0): Promise<HttpServer> {
  const [command, ...own] = setup.runtime ?? ['node']
  const args = [...own, BIN, 'mcp', '--http', String(port), ...(setup.args ?? [])]
  const server = spawn(command, args, { env: environment(setup), stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  const url = await new Promise<string>((resolve, reject) => {
    server.stderr.on('data', (chunk) => {
      log += chunk
      const [found] = /http:\/\/\S+\/mcp/.exec(log) ?? []
      if (found !== undefined) resolve(found)
    })
    server.once('exit', (code) => reject(new Error(`it ended with ${code}: ${log}`)))
  })
  return {
    url,
    process: server,
    log: () => log,
    async stop(signal = 'SIGTERM') {
      if (server.exitCode === null && server.signalCode === null) {
        server.kill(signal)
        await once(server, 'exit')
      }
      return server.exitCode
    },
  }
}

/** Connects to a `coffer mcp` that listens. */
export async function connectHttp(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Omit<Host, 'pid' | 'log'>> {
  const client = new Client({ name: 'test', version: '1' })
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  // The cast: the package's own types do not agree under exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<Client['connect']>[0])
  return { client, call: calling(client), close: () => client.close() }
}

/** Tools of this very process, for tests that have a wallet, a clock or a server of their own. */
export async function connectHere(options: McpOptions): Promise<Omit<Host, 'pid' | 'log'>> {
  const mcp = createMcp(options)
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await mcp.createServer().connect(theirs)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(ours)
  return {
    client,
    call: calling(client),
    async close() {
      await client.close()
      await mcp.close()
    },
  }
}

/** For the tests of a file: folders that are gone after each test, and what is to be ended before. */
export function createRoom(): { folder(): string; after(end: () => Promise<unknown>): void } {
  const ends: (() => Promise<unknown>)[] = []
  const folders: string[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  return {
    folder() {
      const folder = mkdtempSync(join(tmpdir(), 'coffer-mcp-'))
      folders.push(folder)
      return folder
    },
    after: (end) => void ends.push(end),
  }
}
