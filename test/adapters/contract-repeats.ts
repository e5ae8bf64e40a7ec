import { once } from 'node:events'
import { codeOf } from '../gate/scripted.ts'
import type { Prover } from './prover.ts'

const KEYED = { headers: { 'idempotency-key': '"k"' } }

/** What becomes of an answer that is kept for a client which may ask for it again. */
export function proveRepeats({ describe, it, expect, serving, adapter }: Prover): void {
  async function seen(answer: Response): Promise<Record<string, unknown>> {
    const [receipt, type] = ['x-receipt', 'content-type'].map((name) => answer.headers.get(name))
    const isTyped = adapter.deviations?.['adds a content type to bytes'] === undefined
    return { status: answer.status, receipt, ...(isTyped && { type }), body: await answer.text() }
  }

  describe('a request with an Idempotency-Key', () => {
    it.each(adapter.ways)('gets the same answer again: %s', (way) =>
      serving(
        () => ({ way }),
        async ({ call, runs, settlements }) => {
          const first = await seen(await call('a', KEYED))
          expect(first).toMatchObject({ receipt: expect.stringMatching(/^pay_/) })
          expect(await seen(await call('a', KEYED))).toEqual(first)
          expect([runs(), settlements()]).toEqual([1, 1])
        },
      ),
    )

    it('gets the same stream again, byte for byte', async () => {
      const bytes = Array.from({ length: 50 }, (_, at) => `${at}\u20ac`.repeat(at))
      async function* body(): AsyncGenerator<string> {
        yield* bytes
      }
      await serving(
        () => ({ body: body() }),
        async ({ call, runs }) => {
          const first = await seen(await call('a', { ...KEYED, method: 'POST', body: 'step 1' }))
          expect(first).toMatchObject({ body: bytes.join('') })
          expect(await seen(await call('a', { ...KEYED, method: 'POST', body: 'step 1' }))).toEqual(first)
          const other = await call('a', { ...KEYED, method: 'POST', body: 'step 2' })
          expect(other.status).toBe(409)
          expect(runs()).toBe(1)
        },
      )
    })

    it('and no need of a body gets the same head again', () =>
      serving(
        () => ({ body: 'hello' }),
        async ({ call, runs }) => {
          const head = { ...KEYED, method: 'HEAD' }
          const { type: _, ...first } = await seen(await call('a', head))
          expect(first).toMatchObject({ status: 200, receipt: expect.stringMatching(/^pay_/), body: '' })
          expect(await seen(await call('a', head))).toMatchObject(first)
          expect(runs()).toBe(1)
        },
      ))

    it('may carry a large body: all of it arrives, and its start and its length tell it from others', () =>
      serving(
        async ({ body }) => {
          let length = 0
          for await (const chunk of body()) length += chunk.length
          return { body: String(length) }
        },
        async ({ call, runs }) => {
          const upload = (letter: string, length: number): Promise<Response> =>
            call('a', { ...KEYED, method: 'POST', body: letter.repeat(length) })
          const length = 3 * 2 ** 20
          expect(await (await upload('a', length)).text()).toBe(String(length))
          // Of these no more than the start is read.
          if (adapter.deviations?.['may cut off uploads that are refused']) return
          expect(await (await upload('a', length)).text()).toBe(String(length))
          for (const other of [upload('b', length), upload('a', length + 1)]) {
            expect(await codeOf(await other)).toBe('idempotency-conflict')
          }
          expect(runs()).toBe(1)
        },
      ))

    it('gets an answer too large to be kept, once', async () => {
      const large = 'x'.repeat(100_000)
      await serving(
        () => ({ body: large }),
        async ({ call, runs }) => {
          expect(await (await call('a', KEYED)).text()).toBe(large)
          expect((await call('a', KEYED)).status).toBe(409)
          expect(runs()).toBe(1)
        },
        { results: { maxBytes: 1000 } },
      )
    })

    it('that fails is not kept', () =>
      serving(
        (_, run) => (run === 1 ? { status: 500, body: 'no' } : { body: 'hello' }),
        async ({ call, runs, settlements }) => {
          const bodies: string[] = []
          for (const _ of [1, 2, 3]) bodies.push(await (await call('a', KEYED)).text())
          expect(bodies).toEqual(['no', 'hello', 'hello'])
          expect([runs(), settlements()]).toEqual([2, 1])
        },
      ))

    it('fault 10: whose answer broke off gets the whole of it on the next try, for the same money', async () => {
      const left = Promise.withResolvers<unknown>()
      async function* events(gone: Promise<unknown> | null): AsyncGenerator<string> {
        yield 'data: 1\n\n'
        await gone
        yield 'data: 2\n\n'
      }
      await serving(
        ({ gone }, run) => {
          left.resolve(gone)
          return { body: events(run === 1 ? gone : null) }
        },
        async ({ call, visit, settlements }) => {
          const guest = visit('a', KEYED.headers)
          const answer = await guest.answer
          answer.on('error', () => {})
          expect(String(await once(answer, 'data'))).toBe('data: 1\n\n')
          guest.leave()
          await left.promise
          let again = await call('a', KEYED)
          while (again.status === 409 && (await codeOf(again)) === 'payment-in-flight')
            again = await call('a', KEYED)
          expect(await again.text()).toBe('data: 1\n\ndata: 2\n\n')
          expect(settlements()).toBe(1)
        },
      )
    })
  })
}
