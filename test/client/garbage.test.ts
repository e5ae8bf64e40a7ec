import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vaultEvents } from '../../src/client/vault-events.ts'
import { HEARTBEAT } from '../../src/lib/sse.ts'
import { listen } from '../adapters/server.ts'
import { errorOf } from './agents.ts'
import { createClient, paymentRequired } from './market.ts'

/** On Node a `Request` that nobody has any more does not follow its signal: what is given up must end all the same. */
let collecting: ReturnType<typeof setInterval>
let server: Awaited<ReturnType<typeof listen>>
/** Connections that wait for an answer, or its end. */
let waiting = 0

beforeAll(async () => {
  setFlagsFromString('--expose-gc')
  collecting = setInterval(runInNewContext('gc'), 20)
  server = await listen((req, res) => {
    const url = `http://${req.headers.host}${req.url}`
    if (req.url === '/asks' && !req.headers['payment-signature']) {
      return res.writeHead(402, { 'payment-required': paymentRequired(url) }).end()
    }
    waiting++
    res.once('close', () => waiting--)
    if (!req.url?.endsWith('/events')) return
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const beating = setInterval(() => res.write(HEARTBEAT), 50)
    res.once('close', () => clearInterval(beating))
  })
})
afterAll(async () => {
  clearInterval(collecting)
  await server?.close()
})

describe('what waits for an answer ends when it is given up, after garbage was collected', () => {
  it.each([
    ['a request', '/waits', (url: string, signal: AbortSignal) => createClient()(url, { signal })],
    ['a payment', '/asks', (url: string, signal: AbortSignal) => createClient()(url, { signal })],
    [
      'a Request',
      '/waits',
      (url: string, signal: AbortSignal) => createClient()(new Request(url, { signal })),
    ],
    [
      'a payment that waits too long',
      '/asks',
      (url: string) => createClient({ answerTimeoutMs: 1000 })(url).then(() => null),
    ],
  ] as const)('%s', async (_what, path, send) => {
    const giveUp = new AbortController()
    const sent = errorOf(send(server.url + path, giveUp.signal))
    await expect.poll(() => waiting).toBe(1)
    // A few collections.
    await sleep(300)
    giveUp.abort()
    await sent
    await expect.poll(() => waiting).toBe(0)
  })

  it('a stream of events', async () => {
    const giveUp = new AbortController()
    const { signal } = giveUp
    const following = vaultEvents(`${server.url}/vaults/vlt_1`, { token: 'vat_0123456789', signal }).next()
    await expect.poll(() => waiting).toBe(1)
    // A few collections.
    await sleep(300)
    giveUp.abort()
    expect(await following).toEqual({ done: true, value: undefined })
    await expect.poll(() => waiting).toBe(0)
  })
})
