import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { createPayer } from '../clients/payers.ts'
import { BIN, createRoom } from './hosts.ts'

const room = createRoom()

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}

/** Starts the server as a program, to be spoken to line by line. */
function start() {
  const { privateKey } = createPayer()
  const env = {
    PATH: process.env['PATH'],
    COFFER_PRIVATE_KEY: privateKey,
    COFFER_AGENT: `${room.folder()}/agent.db`,
  }
  const server = spawn('node', [BIN, 'mcp'], { env, stdio: 'pipe' })
  let log = ''
  server.stderr.on('data', (chunk) => {
    log += chunk
  })
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  room.after(async () => {
    if (server.exitCode === null) server.kill('SIGKILL')
  })
  return {
    server,
    privateKey,
    log: () => log,
    say: (line: string) => server.stdin.write(`${line}\n`),
    hear: async () => JSON.parse((await lines.next()).value ?? ''),
    ended: once(server, 'exit'),
  }
}

describe('standard input and output', () => {
  it('carry nothing but MCP, whatever a host says, and the log repeats none of it', async () => {
    const { server, say, hear, log, ended, privateKey } = start()
    for (const line of ['no JSON: vat_secret', '{"jsonrpc":"2.0"}', '[]', 'null', '{"method":"vat_secret"}'])
      say(line)
    say(JSON.stringify(INITIALIZE))
    const answer = await hear()
    expect(answer).toMatchObject({
      id: 1,
      result: {
        serverInfo: { name: 'coffer' },
        capabilities: { tools: {} },
        instructions: expect.any(String),
      },
    })
    say(JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'no_such_tool' } }))
    expect(await hear()).toMatchObject({ id: 2, error: { code: -32602 } })
    server.stdin.end()
    expect(await ended).toEqual([0, null])
    expect(log()).toContain('ready on standard input')
    expect(log()).not.toContain('vat_secret')
    expect(log()).not.toContain(privateKey.slice(2))
  })

  it('that end before anything was said end the server', async () => {
    const { server, ended } = start()
    server.stdin.end()
    expect(await ended).toEqual([0, null])
  })

  it('that nobody reads any more end the server', async () => {
    const { server, say, hear, ended } = start()
    say(JSON.stringify(INITIALIZE))
    await hear()
    server.stdout.destroy()
    say(JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' }))
    expect(await ended).toEqual([0, null])
  })
})
