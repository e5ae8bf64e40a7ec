import { codeOf, type Script } from '../gate/scripted.ts'
import { type Prover, ROUTE } from './prover.ts'

/** What the chain says of a payment whose money never moved. */
const UNSENT: Script['reconcile'] = async () => ({ outcome: 'unsent', detail: 'nothing was sent' })

/** What becomes of an answer that is held back until the money has moved. */
export function proveAfter({ describe, it, expect, serving, adapter }: Prover): void {
  const after = { route: { ...ROUTE, settle: 'after' } } as const

  describe("with settle: 'after'", () => {
    it.each(adapter.ways)('%s goes out when the money has moved, with its receipt', (way) =>
      serving(
        () => ({ way }),
        async ({ call, runs, settlements }) => {
          const answer = await call('a')
          expect(answer.status).toBeLessThan(400)
          expect(answer.headers.get('x-receipt')).toMatch(/^pay_/)
          if (answer.status === 200) expect(await answer.text()).toMatch(/^("?hello"?)?$/)
          expect(await codeOf(await call('a'))).toBe('duplicate-payment')
          expect([runs(), settlements()]).toEqual([1, 1])
        },
        after,
      ),
    )

    it.each(adapter.failures)('%s moves no money', (way) =>
      serving(
        (_, run) => (run === 1 ? { way } : { body: 'hello' }),
        async ({ call, script, settlements }) => {
          script.reconcile = UNSENT
          const failed = await call('a')
          expect(failed.status).toBeGreaterThanOrEqual(400)
          expect(failed.headers.get('x-receipt')).toBeNull()
          await failed.text()
          expect(settlements()).toBe(0)
          expect(await (await call('a')).text()).toBe('hello')
          expect(settlements()).toBe(1)
        },
        after,
      ),
    )

    it('nothing of the answer leaves when the money did not move', () =>
      serving(
        () => ({
          status: 201,
          headers: [
            ['x-own', 'secret'],
            ['set-cookie', 'session=secret'],
            ['content-length', '6'],
          ],
          body: 'secret',
        }),
        async ({ call, script }) => {
          script.settle = async () => ({
            outcome: 'failed',
            cause: 'insufficient_funds',
            detail: 'No money.',
          })
          const answer = await call('a')
          expect(answer.status).toBe(402)
          expect(answer.headers.get('x-challenge')).toBe('GET /report?q=1')
          expect(answer.headers.get('x-own')).toBeNull()
          expect(answer.headers.getSetCookie()).toEqual([])
          expect(await answer.json()).toMatchObject({ status: 402, cause: 'insufficient_funds' })
        },
        after,
      ))

    it('keeps status, fields and several Set-Cookie', () =>
      serving(
        () => ({
          status: 201,
          headers: [
            ['x-own', 'yes'],
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
          body: 'made',
        }),
        async ({ call }) => {
          const answer = await call('a')
          expect([answer.status, answer.headers.get('x-own'), await answer.text()]).toEqual([
            201,
            'yes',
            'made',
          ])
          expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
        },
        after,
      ))

    it('a long answer is taken as fast as it comes', async () => {
      async function* body(): AsyncGenerator<string> {
        for (let at = 0; at < 8; at++) yield 'x'.repeat(100_000)
      }
      await serving(
        () => ({ body: body() }),
        async ({ call }) => {
          expect(await (await call('a')).text()).toHaveLength(800_000)
        },
        after,
      )
    })

    it('HEAD is answered without a body', () =>
      serving(
        () => ({ body: 'hello' }),
        async ({ call, settlements }) => {
          const answer = await call('a', { method: 'HEAD' })
          expect([answer.status, await answer.text(), settlements()]).toEqual([200, '', 1])
        },
        after,
      ))

    it.each([
      ['an event stream', { headers: [['content-type', 'text/event-stream']], body: 'data: 1\n\n' }],
      ['an answer past the limit', { body: 'x'.repeat(200_000) }],
    ] as const)('%s cannot be held back: an error, no money, and the server goes on', (_, reply) =>
      serving(
        (_, run) => (run === 1 ? reply : { body: 'hello' }),
        async ({ call, script, settlements }) => {
          script.reconcile = UNSENT
          const answer = await call('a')
          expect(answer.status).toBe(500)
          await answer.text()
          expect(settlements()).toBe(0)
          expect(await (await call('a')).text()).toBe('hello')
        },
        { ...after, results: { maxBytes: 1000 } },
      ),
    )

    it('a client that leaves in the middle of the answer pays nothing', async () => {
      const started = Promise.withResolvers<void>()
      const left = Promise.withResolvers<unknown>()
      await serving(
        ({ gone }, run) => {
          if (run > 1) return { body: 'hello' }
          left.resolve(gone)
          async function* body(): AsyncGenerator<string> {
            yield 'hel'
            started.resolve()
            await gone
            throw new Error('broke off')
          }
          return { body: body() }
        },
        async ({ call, visit, script, settlements }) => {
          script.reconcile = UNSENT
          const guest = visit('a')
          await started.promise
          guest.leave()
          await left.promise
          let answer = await call('a')
          while (answer.status === 409) answer = await call('a')
          expect(await answer.text()).toBe('hello')
          expect(settlements()).toBe(1)
        },
        after,
      )
    })
  })
}
