import { codeOf } from '../gate/scripted.ts'
import { type Prover, ROUTE, streaming } from './prover.ts'

/** What becomes of a request on its way to the gate and to the handler. */
export function proveRequests({ describe, it, expect, serving, adapter }: Prover): void {
  describe('an unpaid request', () => {
    it('gets a 402 that is never cached, and the handler does not run', () =>
      serving(
        () => ({ body: 'secret' }),
        async ({ call, runs }) => {
          const answer = await call(null)
          expect(answer.status).toBe(402)
          expect(answer.headers.get('cache-control')).toBe('no-store')
          expect(answer.headers.get('content-type')).toBe('application/problem+json')
          expect(answer.headers.get('x-challenge')).toBe('GET /report?q=1')
          expect(await codeOf(answer)).toBe('payment-required')
          expect(runs()).toBe(0)
        },
      ))

    it('fault 4: HEAD does not run a GET handler unpaid', () =>
      serving(
        () => ({ body: 'secret' }),
        async ({ call, runs }) => {
          const answer = await call(null, { method: 'HEAD' })
          expect(answer.status).toBe(402)
          expect(answer.headers.get('x-challenge')).toBe('GET /report?q=1')
          expect(await answer.text()).toBe('')
          expect(runs()).toBe(0)
        },
      ))

    it('OPTIONS is free: a preflight is answered 204 and the handler does not run', () =>
      serving(
        () => ({ body: 'secret' }),
        async ({ call, runs, settlements }) => {
          const headers = { origin: 'https://agent.test', 'access-control-request-method': 'POST' }
          const answer = await call(null, { method: 'OPTIONS', headers })
          expect(answer.status).toBe(204)
          expect(answer.headers.get('access-control-allow-methods')).toBe('POST')
          expect(answer.headers.get('access-control-allow-headers')).toContain('PAYMENT-SIGNATURE')
          expect([runs(), settlements()]).toEqual([0, 0])
        },
      ))

    it('case 25: is counted by the address of the connection, whatever X-Forwarded-For says', () =>
      serving(
        () => ({}),
        async ({ call }) => {
          const headers = { 'x-forwarded-for': '192.0.2.1' }
          const statuses = [await call(null), await call(null, { headers })].map((answer) => answer.status)
          const isUnknown = adapter.deviations?.['does not say who is connected'] !== undefined
          expect(statuses).toEqual([402, isUnknown ? 402 : 429])
        },
        { challengeLimit: { max: 1 } },
      ))

    it('case 25: is counted by the address that a proxy of ours has seen', () =>
      serving(
        () => ({}),
        async ({ call }) => {
          const statuses: number[] = []
          for (const client of ['192.0.2.1', '192.0.2.1', '192.0.2.2']) {
            const headers = { 'x-forwarded-for': `203.0.113.9, ${client}` }
            statuses.push((await call(null, { headers })).status)
          }
          expect(statuses).toEqual([402, 429, 402])
        },
        { challengeLimit: { max: 1 }, trustProxy: 1 },
      ))
  })

  describe('a body', () => {
    const MIB = 2 ** 20

    it('of 40 MB streams through: the handler reads it while it is sent, and little waits in between', async () => {
      const total = 40 * MIB
      let sent = 0
      let received = 0
      let atFirstByte = 0
      let mostWaiting = 0
      async function* upload(): AsyncGenerator<Uint8Array> {
        for (; sent < total; sent += 65_536) yield new Uint8Array(65_536).fill(7)
      }
      await serving(
        async ({ body }) => {
          for await (const chunk of body()) {
            if (received === 0) atFirstByte = sent
            received += chunk.length
            mostWaiting = Math.max(mostWaiting, sent - received)
            await new Promise(setImmediate)
          }
          return { body: String(received) }
        },
        async ({ call }) => {
          const answer = await call('a', streaming(upload()))
          expect(await answer.text()).toBe(String(total))
          expect(atFirstByte).toBeLessThan(total / 2)
          expect(mostWaiting).toBeLessThan((adapter.uploadRoom ?? 16) * MIB)
        },
      )
    })

    it.each([
      ['not bound', ROUTE],
      ['bound by the route', { ...ROUTE, bindBody: true }],
    ])('%s reaches the handler byte for byte', async (_, route) => {
      const sent = Uint8Array.from({ length: 300_000 }, (_, at) => (at * at) % 251)
      await serving(
        async ({ body }) => ({ body: await hexOf(body()) }),
        async ({ call }) => {
          const expected = Buffer.from(sent).toString('hex')
          expect(await (await call('a', { method: 'POST', body: sent })).text()).toBe(expected)
          expect(await (await call('b', streaming([sent.subarray(0, 9), sent.subarray(9)]))).text()).toBe(
            expected,
          )
          expect(await (await call('c', { method: 'POST', body: '' })).text()).toBe('')
          expect(await (await call('d', streaming([]))).text()).toBe('')
        },
        { route },
      )
    })

    it('that a route binds shows its digest in the challenge', () =>
      serving(
        () => ({}),
        async ({ call }) => {
          const answer = await call(null, { method: 'POST', body: 'hello' })
          const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from('hello'))).toString(
            'base64',
          )
          expect(await answer.json()).toMatchObject({ status: 402, digest: `sha-256=:${digest}:` })
        },
        { route: { ...ROUTE, bindBody: true } },
      ))

    it('case 22: over its limit is refused while it streams, with or without Content-Length', () =>
      serving(
        () => ({}),
        async ({ call, runs }) => {
          const body = new Uint8Array(5 * MIB)
          for (const upload of [{ method: 'POST', body }, streaming([body])]) {
            const status = await call('a', upload).then(
              (answer) => answer.status,
              () => (adapter.deviations?.['may cut off uploads that are refused'] ? 413 : 'cut off'),
            )
            expect(status).toBe(413)
          }
          expect((await call('a', { method: 'POST', body: 'small' })).status).toBe(200)
          expect(runs()).toBe(1)
        },
        { route: { ...ROUTE, bindBody: { maxBytes: MIB } } },
      ))
  })
}

async function hexOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += Buffer.from(chunk).toString('hex')
  return text
}
