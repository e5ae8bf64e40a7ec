import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sqlite } from '../../src/stores/sqlite.ts'
import { verifyWebhook } from '../../src/webhook-verify.ts'
import type { Sender } from '../../src/webhooks.ts'
import { startReceiver } from './receiver.ts'
import { createSeller, LEASE_MS, NOW } from './seller.ts'

describe('with a sender of fetch', () => {
  const URL = 'https://hooks.example.com/coffer'
  const send: Sender = ({ url, ...init }) => fetch(url, { method: 'POST', redirect: 'manual', ...init })
  const server = setupServer()

  beforeAll(() => server.listen({ onUnhandledFrame: 'error' }))
  afterEach(() => server.resetHandlers())
  afterAll(() => server.close())

  it('messages arrive, answers are read, redirects are not followed', async () => {
    const statuses = [302, 200]
    const bodies: string[] = []
    server.use(
      http.post(URL, async ({ request }) => {
        const body = await request.text()
        bodies.push(body)
        verifyWebhook(body, request.headers, endpoint.secret, { clock: seller.now })
        const status = statuses.shift() ?? 500
        return HttpResponse.text(`took it: ${status}`, {
          status,
          headers: { location: 'http://169.254.169.254/' },
        })
      }),
    )
    const seller = createSeller({ send })
    const endpoint = await seller.endpoints.create({ url: URL })
    await seller.emit()
    await seller.work()
    seller.advance(5000)
    await seller.work()
    expect(bodies).toHaveLength(2)
    const { deliveries } = await seller.endpoints.deliveries(endpoint.id)
    expect(deliveries).toEqual([expect.objectContaining({ status: 'delivered', answer: 'took it: 200' })])
    expect(deliveries[0]?.attempts.map(({ status }) => status)).toEqual([302, 200])
  })
})

describe('with the sender of Node, a store on disk and a worker of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-webhooks-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('a receiver gets every event, also those that a killed worker had in hand', async () => {
    const ids: string[] = []
    const faults: unknown[] = []
    let secret = ''
    const receiver = await startReceiver((_, response) => {
      const { body = '', headers = {} } = receiver.received.at(-1) ?? {}
      try {
        verifyWebhook(body, headers, secret, { clock: () => NOW })
        ids.push(String(headers['webhook-id']))
      } catch (error) {
        faults.push(error)
      }
      response.end()
    })
    const options = { allowHttp: true, allowAddress: (address: string) => address === '127.0.0.1' }
    const file = join(folder, 'coffer.db')

    // A worker that posts, and then cannot write that down.
    const dying = sqlite(file, { clock: () => NOW })
    const before = createSeller(options, {
      ...dying,
      commit: async (writes) => {
        if (writes.some(({ key }) => key.startsWith('delivery/')) && receiver.received.length > 0)
          throw new Error('killed')
        return dying.commit(writes)
      },
    })
    const endpoint = await before.endpoints.create({ url: `http://127.0.0.1:${receiver.port}/hooks` })
    secret = endpoint.secret
    await before.emit()
    await expect(before.work()).rejects.toThrow('killed')
    await dying.close()
    expect(ids).toHaveLength(1)

    let later = 0
    const store = sqlite(file, { clock: () => NOW + later })
    later = LEASE_MS
    const after = createSeller(options, store)
    after.advance(LEASE_MS)
    for (let n = 0; n < 9; n++) await after.emit('payment.received', { n })
    await after.work()
    expect(faults).toEqual([])
    expect(ids).toHaveLength(11)
    expect(new Set(ids).size).toBe(10)
    const { deliveries } = await after.endpoints.deliveries(endpoint.id)
    expect(deliveries.map(({ status }) => status)).toEqual(Array(10).fill('delivered'))
    expect(new Set(deliveries.map(({ event }) => event))).toEqual(new Set(ids))
    await store.close()
    await receiver.close()
  })

  it('the receiver may as well use standardwebhooks', async () => {
    const receiver = await startReceiver()
    const now = Date.now()
    const seller = createSeller({ allowHttp: true, allowAddress: () => true })
    seller.advance(now - NOW)
    const { secret } = await seller.endpoints.create({ url: `http://localhost:${receiver.port}/` })
    await seller.emit('payment.failed', { paymentId: 'pay_2' })
    await seller.work()
    const [message] = receiver.received
    expect(
      new Webhook(secret).verify(message?.body ?? '', message?.headers as Record<string, string>),
    ).toEqual({
      type: 'payment.failed',
      timestamp: new Date(now).toISOString(),
      data: { paymentId: 'pay_2' },
    })
    await receiver.close()
  })
})
