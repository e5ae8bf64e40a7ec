import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { installIn } from '../runtimes/install.ts'
import { createAgent } from './agents.ts'
import { BIN, createRoom, startHttp } from './hosts.ts'

const FOLDER = join(import.meta.dirname, 'official')
const room = createRoom()
let chain: EvmChain
let shop: Shop

beforeAll(async () => {
  await installIn(FOLDER)
  chain = await startEvmChain()
  shop = await openShop({ '/report': { price: '0.01', acceptSessions: true } }, { evm: [chain] })
}, 300_000)
afterAll(async () => {
  await shop?.stop()
  await chain?.stop()
})

/** Runs a program of the makers of MCP, which keeps what it keeps in a folder that goes with the test. */
async function runOfficial(name: 'inspector' | 'conformance', args: readonly string[]) {
  const program = join(FOLDER, 'node_modules/.bin', name)
  const env = { PATH: process.env['PATH'], HOME: room.folder(), NO_COLOR: '1' }
  return promisify(execFile)('node', [program, ...args], { env, timeout: 60_000, cwd: env.HOME })
}

describe('the inspector', () => {
  it.each(['standard input', 'HTTP'])(
    'finds tools without fault, and pays with them, over %s',
    async (way) => {
      const { setup, spent } = await createAgent(chain, room)
      const server = way === 'HTTP' ? await startHttp(setup) : null
      if (server !== null) room.after(() => server.stop())
      const env = { ...setup.env, COFFER_PRIVATE_KEY: setup.privateKey, COFFER_AGENT: setup.agent }
      const target =
        server === null
          ? [
              ...Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
              'node',
              BIN,
              'mcp',
            ]
          : ['--server-url', server.url]
      const inspect = (method: string, ...more: string[]) =>
        runOfficial('inspector', ['--cli', '--method', method, ...more, ...target])

      const listed = await inspect('tools/list', '--strict')
      // Nothing in a schema that some model's maker would not read.
      expect(listed.stderr).not.toMatch(/Warning|Error/)
      const { tools } = JSON.parse(listed.stdout)
      expect(tools.map(({ name }: { name: string }) => name)).toEqual([
        'x402_session_start',
        'x402_session_fetch',
        'x402_session_status',
        'x402_session_end',
        'x402_pay',
        'vault_read',
        'vault_events',
      ])
      for (const tool of tools) {
        expect(tool).toMatchObject({ title: expect.any(String), annotations: expect.any(Object) })
        for (const [name, property] of Object.entries(tool.inputSchema.properties))
          expect([tool.name, name, property]).toEqual([tool.name, name, described])
      }

      const call = (tool: string, input: string) =>
        inspect('tools/call', '--tool-name', tool, '--tool-arg', ...input.split(' '))
      const started = JSON.parse((await call('x402_session_start', `endpoint=${shop.url}/report`)).stdout)
      const { session_id } = started.structuredContent
      const fetched = await call('x402_session_fetch', `session_id=${session_id} url=${shop.url}/report`)
      expect(JSON.parse(fetched.stdout).structuredContent).toMatchObject({
        session_id,
        answer: { status: 200 },
      })
      expect(await spent()).toBe(10_000n)
    },
    120_000,
  )
})

const described = expect.objectContaining({ description: expect.any(String) })

/**
 * Its other scenarios are for a server that has been written for it: tools named `test_…`, prompts, resources, completions, log
 * levels and elicitation, which we do not offer; and streams that are taken up again, which a server whose every request stands
 * alone has not.
 */
const SCENARIOS = [
  'server-initialize',
  'ping',
  'tools-list',
  'server-sse-multiple-streams',
  'dns-rebinding-protection',
]

describe('the conformance suite', () => {
  it.each(SCENARIOS)(
    '%s',
    async (scenario) => {
      const { setup } = await createAgent(chain, room)
      const server = await startHttp(setup)
      room.after(() => server.stop())
      // Ends with another code than 0 when a check fails.
      const { stdout } = await runOfficial('conformance', [
        'server',
        '--url',
        server.url,
        '--scenario',
        scenario,
      ])
      expect(stdout).toMatch(/Passed: (\d)\/\1, 0 failed, 0 warnings/)
    },
    60_000,
  )
})
