import { codeOf } from '../gate/scripted.ts'
import type { Prover } from './prover.ts'

/** What becomes of a payment that bought no answer. */
export function proveFailures({ describe, it, expect, serving, adapter }: Prover): void {
  describe('a handler that fails', () => {
    it.each(adapter.failures)('fault 5: %s gives no receipt and stays owed, whichever way it fails', (way) =>
      serving(
        (_, run) => (run === 1 ? { way } : { body: 'hello' }),
        async ({ call, runs, settlements }) => {
          const failed = await call('a')
          expect(failed.status).toBeGreaterThanOrEqual(400)
          expect(failed.headers.get('x-receipt')).toBeNull()
          await failed.text()
          const redeemed = await call('a')
          expect(redeemed.status).toBe(200)
          expect(redeemed.headers.get('x-receipt')).toMatch(/^pay_/)
          expect(await redeemed.text()).toBe('hello')
          expect((await call('a')).status).toBe(409)
          expect([runs(), settlements()]).toEqual([2, 1])
        },
      ),
    )

    it.each([400, 404, 500])('a %i does the same (case 12)', (status) =>
      serving(
        (_, run) => ({ status: run === 1 ? status : 200 }),
        async ({ call, settlements }) => {
          const answers = [await call('a'), await call('a'), await call('a')]
          expect(answers.map((answer) => answer.status)).toEqual([status, 200, 409])
          expect(answers.map((answer) => answer.headers.has('x-receipt'))).toEqual([false, true, false])
          expect(settlements()).toBe(1)
        },
      ),
    )

    it('that answers after another request has redeemed its payment is not heard', async () => {
      const stalled = Promise.withResolvers<void>()
      const started = Promise.withResolvers<void>()
      await serving(
        async (_, run) => {
          started.resolve()
          if (run === 1) await stalled.promise
          return { body: `hello ${run}` }
        },
        async ({ call, advance, settlements }) => {
          const first = call('a').then(
            async (answer) => `${answer.status} ${await codeOf(answer)}`,
            () => 'connection cut',
          )
          await started.promise
          advance(301_000)
          expect(await (await call('a')).text()).toBe('hello 2')
          stalled.resolve()
          expect(['connection cut', '409 payment-in-flight']).toContain(await first)
          expect(settlements()).toBe(1)
        },
      )
    })
  })

  describe('a client that goes away', () => {
    it('before the answer is owed it: the same credential runs the handler again', async () => {
      const left = Promise.withResolvers<unknown>()
      const started = Promise.withResolvers<void>()
      await serving(
        async ({ gone }, run) => {
          if (run > 1) return { body: 'hello' }
          started.resolve()
          left.resolve(await gone)
          return { body: 'to nobody' }
        },
        async ({ call, visit, runs, settlements }) => {
          const guest = visit('a')
          await started.promise
          guest.leave()
          await left.promise
          let answer = await call('a')
          while (answer.status === 409 && (await codeOf(answer)) === 'payment-in-flight')
            answer = await call('a')
          expect(await answer.text()).toBe('hello')
          expect([runs(), settlements()]).toEqual([2, 1])
        },
      )
    })
  })
}
