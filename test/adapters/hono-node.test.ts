import { once } from 'node:events'
import { getRequestListener } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { api, paid } from '../../adapters/hono.ts'
import { memoryBlobs } from '../../src/memory.ts'
import { createSeller } from '../gate/scripted.ts'
import { adapterContract } from './contract.ts'
import { dial, listen } from './server.ts'
import { webAdapter, webHandler } from './web-app.ts'

/** Hono on its own server for Node, which makes requests of its own kind. */
const onNodeServer = webAdapter(({ coffer }, route, handler) => {
  const answer = webHandler(handler)
  const app = new Hono()
    .use(paid(coffer, route, { address: (c) => getConnInfo(c).remote.address }))
    .all('*', ({ req, var: grant }) => answer(req.raw, grant))
    .onError((_, c) => c.text('failed', 500))
  return listen(getRequestListener(app.fetch))
})

describe("paid() for Hono on Hono's server for Node", () => {
  adapterContract({ describe, it, expect }, onNodeServer)

  const bound = { bindBody: { maxBytes: 2 ** 20 } }
  it.each([
    ['is too large', { 'x-scripted': 'b' }, bound, 413],
    ['has the key of another', { 'x-scripted': 'a', 'idempotency-key': 'key' }, {}, 409],
  ])(
    'a connection is good for the next request after an upload that %s',
    async (_, fields, options, status) => {
      const { coffer } = createSeller()
      const route = { price: '0.01', ...options }
      const app = new Hono().post('/report', paid(coffer, route), (c) => c.text('paid'))
      const earlier = { method: 'POST', body: 'small', headers: { ...fields, 'x-scripted': 'a' } }
      expect((await app.request('/report', earlier)).status).toBe(200)
      expect(await statusesAfterUpload(app, '/report', fields)).toEqual([status, 200])
    },
  )
})

describe("api() for Hono on Hono's server for Node", () => {
  it.each([
    ['nowhere', 404],
    ['vaults', 413],
  ])('a connection is good for the next request after an upload to %s, answered %i', async (path, status) => {
    const key = 'k'.repeat(32)
    const vaults = { blobs: memoryBlobs() }
    const { coffer } = createSeller({ apiKeys: [key], basePath: '/coffer', vaults })
    const app = new Hono().all('/coffer/*', api(coffer))
    const fields = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    expect(await statusesAfterUpload(app, `/coffer/${path}`, fields)).toEqual([status, 200])
  })
})

/** What a client is answered that sends 5 MB, whatever comes back meanwhile, and then asks for something else. */
async function statusesAfterUpload(
  app: Hono,
  path: string,
  fields: Readonly<Record<string, string>>,
): Promise<readonly number[]> {
  const server = new Hono().get('/', (c) => c.text('next')).route('/', app)
  const { port, close } = await listen(getRequestListener(server.fetch))
  try {
    const client = await dial(port)
    const lines = Object.entries(fields).map((field) => field.join(': '))
    client.write(
      [`POST ${path} HTTP/1.1`, 'Host: h', 'Transfer-Encoding: chunked', ...lines, '', ''].join('\r\n'),
    )
    for (let at = 0; at < 80; at++) {
      if (!client.write(`10000\r\n${'x'.repeat(65_536)}\r\n`)) await once(client, 'drain')
    }
    client.write('0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    let answers = ''
    for await (const chunk of client.setEncoding('latin1')) answers += chunk
    return [...answers.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => Number(status))
  } finally {
    await close()
  }
}
