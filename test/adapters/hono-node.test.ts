import { once } from 'node:events'
import { getRequestListener } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { paid } from '../../adapters/hono.ts'
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

  const MIB = 2 ** 20
  it.each([
    ['is too large', { 'x-scripted': 'other' }, { price: '0.01', bindBody: { maxBytes: MIB } }, 413],
    ['has the key of another', { 'x-scripted': 'a', 'idempotency-key': 'key' }, { price: '0.01' }, 409],
  ] as const)(
    'a connection is good for the next request after an upload that %s',
    async (_, fields, route, status) => {
      const { coffer } = createSeller()
      const app = new Hono()
        .post('/report', paid(coffer, route), (c) => c.text('paid'))
        .get('/', (c) => c.text('next'))
      const first = { method: 'POST', body: 'small', headers: { ...fields, 'x-scripted': 'a' } }
      const { port, url, close } = await listen(getRequestListener(app.fetch))
      try {
        expect((await fetch(`${url}/report`, first)).status).toBe(200)
        const client = await dial(port)
        const lines = Object.entries({ ...fields, 'transfer-encoding': 'chunked' }).map(
          ([name, value]) => `${name}: ${value}`,
        )
        client.write(['POST /report HTTP/1.1', 'Host: h', ...lines, '', ''].join('\r\n'))
        for (let sent = 0; sent < 5 * MIB; sent += 65_536) {
          if (!client.write(`10000\r\n${'x'.repeat(65_536)}\r\n`)) await once(client, 'drain')
        }
        client.write('0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
        let answers = ''
        for await (const chunk of client.setEncoding('latin1')) answers += chunk
        expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, 'HTTP/1.1 200'])
      } finally {
        await close()
      }
    },
  )
})
