import type { Grant } from '../../src/index.ts'
import { codeOf } from '../gate/scripted.ts'
import { type Prover, textOf } from './prover.ts'

/** What becomes of the answer to a paid request. */
export function proveAnswers({ describe, it, expect, serving, adapter }: Prover): void {
  describe('a paid request', () => {
    it('gives the handler its grant', async () => {
      const grants: Grant[] = []
      await serving(
        ({ grant }) => {
          grants.push(grant)
          return { body: 'hello' }
        },
        async ({ call }) => {
          const answer = await call('a')
          expect(await answer.text()).toBe('hello')
          expect(grants).toHaveLength(1)
          expect(grants[0]?.payment).toMatchObject({ protocol: 'x402', amount: '0.01', redeemed: false })
          expect(grants[0]?.payment.paymentId).toBe(answer.headers.get('x-receipt'))
          expect(grants[0]?.wallet).toMatchObject({ id: 'main', chain: 'eip155:1' })
        },
      )
    })

    it.each(adapter.ways)('fault 11: %s gives the receipt, once, and delivers', (way) =>
      serving(
        () => ({ way }),
        async ({ call, runs, settlements }) => {
          const answer = await call('a')
          expect(answer.status).toBeLessThan(400)
          expect(answer.headers.get('x-receipt')).toMatch(/^pay_[\w-]+$/)
          expect(answer.headers.get('cache-control')).toBe('private')
          if (answer.status === 200) expect(await answer.text()).toMatch(/^("?hello"?)?$/)
          const again = await call('a')
          expect(again.status).toBe(409)
          expect(await codeOf(again)).toBe('duplicate-payment')
          expect([runs(), settlements()]).toEqual([1, 1])
        },
      ),
    )

    it('HEAD pays for the GET handler, and has no body', () =>
      serving(
        () => ({ body: 'hello' }),
        async ({ call, runs }) => {
          const answer = await call('a', { method: 'HEAD' })
          expect(answer.status).toBe(200)
          expect(answer.headers.get('x-receipt')).not.toBeNull()
          expect(await answer.text()).toBe('')
          expect((await call('a')).status).toBe(409)
          expect(runs()).toBe(1)
        },
      ))

    it('keeps several Set-Cookie fields apart', () =>
      serving(
        () => ({
          headers: [
            ['set-cookie', 'a=1; Expires=Wed, 21 Oct 2030 07:28:00 GMT'],
            ['set-cookie', 'b=2'],
          ],
        }),
        async ({ call }) => {
          const answer = await call('a')
          expect(answer.headers.getSetCookie()).toEqual(['a=1; Expires=Wed, 21 Oct 2030 07:28:00 GMT', 'b=2'])
        },
      ))

    it.each([
      ['public, max-age=600', 'private'],
      ['no-store', 'no-store'],
    ])('case 23: Cache-Control %s becomes %s', (given, expected) =>
      serving(
        () => ({ headers: [['cache-control', given]] }),
        async ({ call }) => {
          const answer = await call('a')
          expect(answer.headers.get('cache-control')).toBe(expected)
        },
      ),
    )

    it('case 24 (fault 14): a script in a browser may read the challenge and the receipt', () =>
      serving(
        () => ({}),
        async ({ call }) => {
          for (const answer of [await call(null), await call('a')]) {
            expect(answer.headers.get('access-control-allow-origin')).toBe('*')
            const exposed = answer.headers.get('access-control-expose-headers')
            for (const name of [
              'WWW-Authenticate',
              'PAYMENT-REQUIRED',
              'PAYMENT-RESPONSE',
              'Payment-Receipt',
            ]) {
              expect(exposed).toContain(name)
            }
          }
        },
      ))
  })

  describe('a stream', () => {
    it('fault 6: reaches the client byte by byte, while the handler is still writing', async () => {
      const seen = Promise.withResolvers<void>()
      async function* events(): AsyncGenerator<string> {
        yield 'data: 1\n\n'
        await seen.promise
        yield 'data: 2\n\n'
      }
      await serving(
        () => ({ headers: [['content-type', 'text/event-stream']], body: events() }),
        async ({ call }) => {
          const answer = await call('a')
          expect(answer.headers.get('x-receipt')).toMatch(/^pay_/)
          const reader = textOf(answer)
          expect((await reader.next()).value).toBe('data: 1\n\n')
          seen.resolve()
          expect((await reader.next()).value).toBe('data: 2\n\n')
          expect((await reader.next()).done).toBe(true)
          expect((await call('a')).status).toBe(409)
        },
      )
    })

    it('fault 6: without end is read as it comes, and stops when the client has had enough', async () => {
      const stopped = Promise.withResolvers<string>()
      async function* ticks(): AsyncGenerator<string> {
        try {
          for (let tick = 0; ; tick++) {
            await new Promise(setImmediate)
            yield `${tick}\n`
          }
        } finally {
          stopped.resolve('stopped')
        }
      }
      await serving(
        () => ({ body: ticks() }),
        async ({ call }) => {
          const client = new AbortController()
          const answer = await call('a', { signal: client.signal })
          let text = ''
          for await (const chunk of textOf(answer)) {
            text += chunk
            if (text.includes('\n10\n')) break
          }
          expect(text).toMatch(/^0\n1\n2\n/)
          client.abort()
          expect(await stopped.promise).toBe('stopped')
        },
      )
    })
  })
}
