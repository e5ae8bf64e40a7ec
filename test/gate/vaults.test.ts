import { describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import type { Next } from '../../src/gate/next.ts'
import type { CofferOptions, RouteOptions } from '../../src/gate/options.ts'
import { memory } from '../../src/stores/memory.ts'
import { plans } from '../../src/vaults/limits.ts'
import { codeOf, createSeller, request } from './scripted.ts'

const ROUTE = { price: '0.01', acceptSessions: true, vault: true } as const
const HEADER = 'x-prudra-session-id'

const createVaultSeller = (options: Partial<CofferOptions> = {}) =>
  createSeller({ vaults: { blobs: memoryBlobs() }, ...options })

const next = async (seller: ReturnType<typeof createSeller>, asking: Request, route = ROUTE): Promise<Next> =>
  (await seller.coffer.handle(asking, route)) as Next

describe('a payment on a route with vaults', () => {
  it('makes one in the commit that settles it, and all requests of its session work in it', async () => {
    const seller = createVaultSeller()
    const first = await next(seller, request('a'))
    await first.grant.vault?.addDocument({ step: 1 }, 'Step 1')
    const id = (await first.finish(new Response(''))).headers.get(HEADER) ?? ''

    const second = await next(seller, request(null, undefined, { headers: { [HEADER]: id } }))
    expect(second.grant.vault?.id).toBe(first.grant.vault?.id)
    await second.grant.vault?.addDocument({ step: 2 }, 'Step 2')
    // Jobs go on after the answer.
    await second.finish(new Response(''))
    await second.grant.vault?.emit('agent.step', { step: 3 })
    await second.grant.vault?.persist()
    await second.grant.vault?.seal('done')
    const manifest = await second.grant.vault?.getManifest()
    expect(manifest?.documents.map(({ label, data }) => [label, data])).toEqual([
      ['Step 1', { step: 1 }],
      ['Step 2', { step: 2 }],
    ])
  })

  it('is there for whoever redeems it', async () => {
    const seller = createVaultSeller()
    const failed = await next(seller, request('a'))
    await failed.grant.vault?.addDocument('begun')
    await failed.finish(new Response('', { status: 500 }))
    const redeemed = await next(seller, request('a'))
    expect((await redeemed.grant.vault?.getManifest())?.documents).toHaveLength(1)
  })

  it('has what its route promises by now, when it is redeemed', async () => {
    const seller = createVaultSeller()
    const failed = (await seller.coffer.handle(request('a'), { price: '0.01' })) as Next
    expect([failed.grant.vault, failed.grant.session]).toEqual([null, null])
    await failed.finish(new Response('', { status: 500 }))
    const redeemed = await next(seller, request('a'))
    await redeemed.grant.vault?.addDocument('late')
    expect((await redeemed.grant.vault?.getManifest())?.documents).toHaveLength(1)
    expect(redeemed.grant.session).toMatchObject({ id: null })
  })

  it('is refused before money moves when there is no room for its vault', async () => {
    const seller = createVaultSeller({ vaults: { blobs: memoryBlobs(), limits: { activeVaults: 1 } } })
    await (await next(seller, request('a'))).finish(new Response(''))
    const refused = (await seller.coffer.handle(request('b'), ROUTE)) as Response
    expect(refused.status).toBe(429)
    expect(await codeOf(refused)).toBe('vault-quota-exceeded')
    expect(seller.script.calls.filter((call) => call === 'settle')).toHaveLength(1)
    expect(await codeOf((await seller.coffer.handle(request('a'), ROUTE)) as Response)).toBe(
      'duplicate-payment',
    )
  })

  it.each(['before', 'after', 'background'] as const)(
    'takes the last places with others at once (%s)',
    async (settle) => {
      const seller = createVaultSeller({ vaults: { blobs: memoryBlobs(), limits: plans.pro } })
      const pay = async (credential: string): Promise<string> => {
        const paid = await seller.coffer.handle(request(credential), { ...ROUTE, settle })
        if (paid instanceof Response) return codeOf(paid)
        return String((await paid.finish(new Response(''))).status)
      }
      const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => pay(`credential ${n}`)))
      expect(answers.filter((answer) => answer === '200')).toHaveLength(50)
      expect(answers.filter((answer) => answer === 'vault-quota-exceeded')).toHaveLength(10)
      expect(seller.script.calls.filter((call) => call === 'settle').length).toBeLessThanOrEqual(50)
    },
  )

  it('makes it at once when it settles in the background, within the limits', async () => {
    const seller = createVaultSeller({ vaults: { blobs: memoryBlobs(), limits: { activeVaults: 2 } } })
    const route = { ...ROUTE, settle: 'background' } as const
    for (const credential of ['a', 'b']) {
      const paid = (await seller.coffer.handle(request(credential), route)) as Next
      await paid.grant.vault?.addDocument('early')
      await paid.finish(new Response(''))
    }
    expect(((await seller.coffer.handle(request('c'), route)) as Response).status).toBe(429)
  })

  it('is let in by one of two requests when there is one place, and the other is told to come back or refused', async () => {
    const seller = createVaultSeller({ vaults: { blobs: memoryBlobs(), limits: { activeVaults: 1 } } })
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((each) => seller.coffer.handle(request(each), ROUTE)),
    )
    expect(answers.filter((answer) => !(answer instanceof Response))).toHaveLength(1)
    for (const answer of answers) if (answer instanceof Response) expect([409, 429]).toContain(answer.status)
  })

  it('is made when a session comes from a route without', async () => {
    const seller = createVaultSeller()
    const paid = (await seller.coffer.handle(request('a'), { price: '0.01', acceptSessions: true })) as Next
    expect(paid.grant.vault).toBeNull()
    const id = (await paid.finish(new Response(''))).headers.get(HEADER) ?? ''
    const visits = await Promise.all(
      [1, 2, 3].map(() => next(seller, request(null, undefined, { headers: { [HEADER]: id } }))),
    )
    for (const { grant } of visits) await grant.vault?.addDocument('one')
    expect((await visits[0]?.grant.vault?.getManifest())?.documents).toHaveLength(3)
  })

  it('needs a place to keep it', () => {
    expect(() => createSeller().coffer.check(ROUTE)).toThrow(/^vault: expected false/)
  })

  it('is known without a request', async () => {
    const seller = createVaultSeller()
    const paid = await next(seller, request('a'))
    expect(await seller.coffer.vaults?.get(paid.grant.vault?.id ?? '')).toMatchObject({ status: 'active' })
    expect((await seller.coffer.vaults?.list())?.vaults).toHaveLength(1)
    await paid.abandon()
  })

  it('expires, by the outbox', async () => {
    const seller = createVaultSeller()
    const paid = await next(seller, request('a'))
    await paid.finish(new Response(''))
    seller.advance(8 * 86_400_000)
    while ((await seller.coffer.tick()) > 0);
    expect(await seller.coffer.vaults?.get(paid.grant.vault?.id ?? '')).toBeNull()
  })
})

describe('limits without sessions', () => {
  /** The same service before and after its limits got smaller, and who asks it. */
  function createShrinking() {
    const store = memory()
    const before = createVaultSeller({ store, clock: Date.now })
    const vaults = { blobs: memoryBlobs(), limits: plans.hobby }
    const limiting = { challengeLimit: { max: 1, window: 60 } } as const
    const after = createVaultSeller({ store, clock: Date.now, vaults, ...limiting })
    const asks = async (
      credential: string | null,
      headers: HeadersInit = {},
      route: RouteOptions = ROUTE,
    ) => {
      const outcome = await after.coffer.handle(request(credential, undefined, { headers }), route, {
        address: '192.0.2.1',
      })
      if (!(outcome instanceof Response)) return [200, await outcome.abandon()]
      return [outcome.status, await codeOf(outcome)]
    }
    return { before, after, asks }
  }
  const NOT_FOR_SALE = [429, 'session-payments-not-available']

  it('refuse who would pay for one, before any money moves, and count no challenge', async () => {
    const { after, asks } = createShrinking()
    for (let n = 0; n < 3; n++) {
      expect(await asks(null)).toEqual(NOT_FOR_SALE)
      expect(await asks(`new ${n}`)).toEqual(NOT_FOR_SALE)
      expect(await asks('malformed')).toEqual(NOT_FOR_SALE)
      expect(await asks(null, { [HEADER]: `sess_${'x'.repeat(43)}` })).toEqual(NOT_FOR_SALE)
    }
    expect(after.script.calls).not.toContain('settle')
    expect((await after.coffer.payments.list()).payments).toEqual([])
    const answer = (await after.coffer.handle(request(null), ROUTE)) as Response
    expect([...answer.headers.keys()].filter((name) => /payment|authenticate|challenge/.test(name))).toEqual(
      [],
    )
  })

  it('sell what opens none', async () => {
    const { asks } = createShrinking()
    const route = { price: '0.01', vault: true } as const
    expect(await asks(null, {}, route)).toEqual([402, 'payment-required'])
    expect(await asks('a', {}, route)).toEqual([200, undefined])
  })

  it('take nothing from who has paid already', async () => {
    const { before, after, asks } = createShrinking()
    const first = await next(before, request('a'))
    const id = (await first.finish(new Response(''))).headers.get(HEADER) ?? ''
    await (await next(before, request('owed'))).finish(new Response('', { status: 500 }))
    expect(await asks(null, { [HEADER]: id })).toEqual([200, undefined])
    expect(await asks('owed')).toEqual([200, undefined])
    expect(await asks('a')).toEqual([409, 'duplicate-payment'])
    expect(after.script.calls).not.toContain('settle')
  })
})
