import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { createMcp, type HttpAccess } from '../../src/mcp.ts'
import { run } from '../cli/terminal.ts'
import { createClient } from '../client/market.ts'
import { createPayer } from '../clients/payers.ts'
import { BIN, connectHttp, createRoom, startHttp } from './hosts.ts'

const room = createRoom()
const TOKEN = 'a token of callers'

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}

/** Asks tools of this process over HTTP, as any runtime would. */
function ask(
  access: HttpAccess | undefined,
  fields: HeadersInit,
  init: RequestInit = {},
  url = 'http://127.0.0.1:4020/mcp',
) {
  const mcp = createMcp({ pay: createClient(), ...(access && { http: access }) })
  const headers = new Headers({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...Object.fromEntries(new Headers(fields)),
  })
  return mcp.fetch(new Request(url, { method: 'POST', body: JSON.stringify(INITIALIZE), ...init, headers }))
}

describe('over HTTP', () => {
  it.each([
    [undefined, { host: 'localhost' }, 200],
    [undefined, { host: '127.0.0.1:4020' }, 200],
    [undefined, { host: '[::1]:4020' }, 200],
    [undefined, {}, 200],
    [undefined, { host: 'evil.example' }, 403],
    [undefined, { host: 'localhost.evil.example' }, 403],
    [undefined, { host: '127.0.0.1@evil.example' }, 403],
    [undefined, { host: '' }, 403],
    [undefined, { host: 'localhost', origin: 'http://localhost:6274' }, 200],
    [undefined, { host: 'localhost', origin: 'https://evil.example' }, 403],
    [undefined, { host: 'localhost', origin: 'null' }, 403],
    [{ origins: ['https://app.example'] }, { host: 'localhost', origin: 'https://app.example' }, 200],
    [{ origins: ['https://app.example'] }, { host: 'localhost', origin: 'http://localhost' }, 403],
    [{ hosts: ['tools.example'] }, { host: 'tools.example' }, 200],
    [{ hosts: ['tools.example'] }, { host: 'localhost' }, 403],
    [{ token: TOKEN }, { host: 'localhost' }, 401],
    [{ token: TOKEN }, { host: 'localhost', authorization: 'Bearer another one of theirs' }, 401],
    [{ token: TOKEN }, { host: 'localhost', authorization: `Basic ${TOKEN}` }, 401],
    [{ token: 'a-token-of-callers' }, { host: 'localhost', authorization: 'bearer a-token-of-callers' }, 200],
  ] as const)('with access %j, a request with %j is answered %d', async (access, fields, status) => {
    const answer = await ask(access, fields)
    expect(answer.status).toBe(status)
    const text = await answer.text()
    expect(text).toContain(status === 200 ? 'serverInfo' : '"jsonrpc":"2.0"')
    expect(text).not.toContain(TOKEN)
    if (status === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  it.each([
    [{ method: 'GET', body: null }, 405],
    [{ method: 'DELETE', body: null }, 405],
    [{ body: '{' }, 400],
    [{ body: '"text"' }, 400],
    [{ body: '[null]' }, 400],
    [{ body: '' }, 400],
    [{ body: ' '.repeat(5_000_000) }, 413],
  ] as const)('request %# that is none is answered so', async (init, status) => {
    expect((await ask(undefined, {}, init)).status).toBe(status)
  })

  it('several requests may come in one', async () => {
    const calls = ['x402_session_status', 'x402_session_status'].map((name, id) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name, arguments: {} },
    }))
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }
    const fields = { 'mcp-session-id': 'any' }
    const answer = await ask(undefined, fields, { body: JSON.stringify([...calls, cancelled]) })
    // Ends by itself.
    expect((await answer.text()).match(/spent_usd/g)?.length).toBeGreaterThanOrEqual(2)
  })

  it('each client has a session of its own, and what is not JSON-RPC of it is not minded', async () => {
    const [one, other] = [await ask(undefined, {}), await ask(undefined, {})]
    const ids = [one, other].map(({ headers }) => headers.get('mcp-session-id'))
    expect(new Set(ids).size).toBe(2)
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
    const cancelled = await ask(
      undefined,
      { 'mcp-session-id': ids[0] ?? '' },
      { body: JSON.stringify(cancel) },
    )
    expect(cancelled.status).toBe(202)
    await Promise.all([one.text(), other.text()])
  })
})

describe('coffer mcp --http', () => {
  const ended: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ended.splice(0)) await end()
  })
  const setup = (more: object = {}) => ({
    privateKey: createPayer().privateKey,
    agent: `${room.folder()}/agent.db`,
    ...more,
  })

  it('asks callers for the token of its environment, and shows it to nobody', async () => {
    const server = await startHttp(
      setup({ env: { COFFER_MCP_TOKEN: 'sesame sesame sesame'.replaceAll(' ', '-') } }),
    )
    ended.push(() => server.stop())
    await expect(connectHttp(server.url)).rejects.toThrow()
    const host = await connectHttp(server.url, { authorization: 'Bearer sesame-sesame-sesame' })
    expect((await host.client.listTools()).tools).toHaveLength(7)
    await host.close()
    expect(server.log()).not.toContain('sesame')
  })

  it('answers at /mcp only', async () => {
    const server = await startHttp(setup())
    ended.push(() => server.stop())
    expect((await fetch(new URL('/', server.url))).status).toBe(404)
    expect((await fetch(server.url)).status).toBe(405)
  })

  it.each([
    [['--http', 'x'], 'expected a port'],
    [['--http', '0', '--host', '0.0.0.0'], 'others could spend'],
    [['--http', '0', '--host', 'example.com'], 'expected an IP address'],
    [['--http', '0', '--token-env', 'NONE'], '--token-env: expected the name'],
    [['--session-ttl', '59'], 'expected seconds'],
    [['--passphrase-fd', '0'], 'MCP is spoken'],
    [['--max', 'lots'], 'expected US dollars'],
    [['--wallet', '/nowhere.json'], 'no wallet'],
  ])('%j is no way to call it', async (args, said) => {
    const env = { COFFER_HOME: room.folder() }
    const { code, out, err } = await run(['mcp', ...args], env)
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(said)])
  })

  it('says what to install, where the SDK is not', async () => {
    const without = `import { registerHooks } from 'node:module'
      registerHooks({ resolve(name, context, next) {
        if (!name.startsWith('@modelcontextprotocol/')) return next(name, context)
        throw Object.assign(new Error('there is none'), { code: 'ERR_MODULE_NOT_FOUND' })
      } })`
    const hooks = `data:text/javascript,${encodeURIComponent(without)}`
    const env = { PATH: process.env['PATH'], COFFER_HOME: room.folder() }
    const ran = promisify(execFile)('node', ['--import', hooks, BIN, 'mcp'], { env })
    await expect(ran).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('npm install @modelcontextprotocol/sdk'),
    })
  })

  it('takes the time of sessions from the environment, as agents set it', async () => {
    const env = { COFFER_HOME: room.folder(), SESSION_TTL_SECONDS: 'soon' }
    expect(await run(['mcp'], env)).toMatchObject({
      code: 2,
      err: expect.stringContaining('SESSION_TTL_SECONDS'),
    })
  })
})
