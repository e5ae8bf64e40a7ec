import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapterContract } from '../adapters/contract.ts'
import { startNext } from './next.ts'
import { provePayments } from './payments.ts'
import { createRemote } from './remote.ts'

describe('paid() for Next.js', () => {
  const { adapter, url, open, close } = createRemote(
    ({ folder }) => startNext(join(folder, 'test/runtimes/apps/next')),
    {
      deviations: {
        'does not say who is connected':
          'Route handlers are given headers only. Proxies, as those of Vercel, say it there.',
      },
    },
  )
  beforeAll(open, 300_000)
  afterAll(close)

  adapterContract({ describe, it, expect }, adapter)
  it('the API leaves no rest of a body before the next request on a connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const till = { seller: `0x${'1'.repeat(40)}`, evm: url(), tempo: url(), settler: `0x${'1'.repeat(64)}` }
    const apiKey = 'k'.repeat(32)
    const headers = { 'x-till': JSON.stringify({ ...till, apiKey }), authorization: `Bearer ${apiKey}` }
    const ask = async (path: string, body?: Buffer): Promise<number | undefined> => {
      const asked = request(url() + path, { agent, headers, method: body ? 'POST' : 'GET' })
      asked.end(body)
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      await once(answer.resume(), 'end')
      return answer.statusCode
    }
    // Refused before it is read, and while it is.
    for (const path of ['/coffer/nowhere', '/coffer/vaults']) {
      expect(await ask(path, Buffer.alloc(5 * 2 ** 20))).toBeGreaterThanOrEqual(400)
      expect(await ask('/coffer/openapi.json')).toBe(200)
    }
    agent.destroy()
  })
  provePayments({ describe, it, expect, beforeAll, afterAll, url, worksOn: true })
})
