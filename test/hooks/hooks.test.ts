import { describe, expect, expectTypeOf, it } from 'vitest'
import { createCoffer, type HookEvent, type Hooks, type PaymentInfo } from '../../src/index.ts'
import { createSeller, request } from '../gate/scripted.ts'
import { createHookedSeller, granted } from './hooked.ts'

const ROUTE = { price: '0.01' }

/** Asks and is answered, as if there were no hooks. */
async function buy({ coffer }: Pick<ReturnType<typeof createSeller>, 'coffer'>): Promise<void> {
  const next = granted(await coffer.handle(request('a'), ROUTE))
  expect((await next.finish(new Response('answer'))).status).toBe(200)
}

describe('a hook', () => {
  it('is called for its event alone', async () => {
    const told: string[] = []
    const hooks: Hooks = {
      'payment.settled': ({ payment, at }) => told.push(`${payment.amount} at ${at}`),
      'payment.failed': () => told.push('failed'),
    }
    const seller = createSeller({ hooks })
    await buy(seller)
    expect(told).toEqual([`0.01 at ${seller.now()}`])
  })

  it('may be one of several', async () => {
    const told: string[] = []
    const one: Hooks = { 'payment.settled': () => told.push('one') }
    const other: Hooks = { '*': ({ type }) => type === 'payment.settled' && told.push('other') }
    await buy(createSeller({ hooks: [one, other, {}] }))
    expect(told).toEqual(['one', 'other'])
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('of the hook')
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the hook'))],
    [
      'returns what cannot be waited for',
      () =>
        Object.defineProperty({}, 'then', {
          get: () => {
            throw new Error('of the hook')
          },
        }),
    ],
  ])('that %s changes nothing, and onError is told', async (_what, hook) => {
    const seller = createHookedSeller({ hooks: { '*': hook } })
    await buy(seller)
    await new Promise((resolve) => setImmediate(resolve))
    expect(seller.errors).toHaveLength(3)
    expect(seller.errors).toMatchObject([...Array(3)].map(() => ({ message: 'of the hook' })))
  })

  it('that never ends changes nothing', async () => {
    await buy(createHookedSeller({ hooks: { '*': () => new Promise(() => {}) } }))
  })

  it('changes nothing even when onError throws, or rejects', async () => {
    const hooks = {
      '*': () => {
        throw new Error('of the hook')
      },
    }
    for (const onError of [hooks['*'], () => Promise.reject(new Error('of onError'))]) {
      await buy(createSeller({ hooks, onError }))
    }
  })

  it('may itself use the coffer', async () => {
    const revoked: unknown[] = []
    let id = ''
    const seller = createHookedSeller({
      hooks: { 'payment.delivered': async () => revoked.push(await seller.coffer.sessions.revoke(id)) },
    })
    const next = granted(await seller.ask('a', { ...ROUTE, acceptSessions: true }))
    id = next.grant.session?.id ?? ''
    await next.finish(new Response(''))
    await new Promise((resolve) => setImmediate(resolve))
    expect(revoked).toEqual([true])
  })

  it('is checked when options are read', () => {
    const options = {
      secret: 's'.repeat(32),
      wallets: { main: { address: `0x${'2'.repeat(40)}` } },
      protocols: [],
      stub: true,
      store: {} as never,
    }
    expect(() => createCoffer({ ...options, hooks: { 'payment.setled': () => {} } as Hooks })).toThrow(
      /^hooks\.payment\.setled: expected one of payment\.received/,
    )
    expect(() => createCoffer({ ...options, hooks: [{ '*': 'log' } as never] })).toThrow(
      /^hooks\.\*: expected a function, got "log"$/,
    )
    expect(() => createCoffer({ ...options, logger: { info: () => {} } as never })).toThrow(/^logger: /)
    expect(() => createCoffer({ ...options, tracer: {} as never })).toThrow(/^tracer: /)
  })

  it('knows the type of its event', () => {
    expectTypeOf<HookEvent<'payment.settled'>['payment']>().toEqualTypeOf<PaymentInfo>()
    expectTypeOf<HookEvent<'session.revoked'>['session']['expiresAt']>().toEqualTypeOf<number>()
    const narrowed = (event: HookEvent): string => {
      if (event.type === 'request.refused') return event.reason
      return event.type === 'job.dead' ? event.job.id : event.type
    }
    expect(typeof narrowed).toBe('function')
  })
})
