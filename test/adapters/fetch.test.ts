import { describe, expect, expectTypeOf, it } from 'vitest'
import { paid, paidOn } from '../../adapters/fetch.ts'
import type { Grant } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createSeller, request } from '../gate/scripted.ts'
import { adapterContract } from './contract.ts'
import { serveWeb, webAdapter, webHandler } from './web-app.ts'

const ROUTE = { price: '0.01' }

/** The handler behind Node's server. */
const overNode = webAdapter(({ coffer }, route, handler) => {
  const answer = webHandler(handler)
  const paidHere = paidOn<[address: string | undefined]>({ address: (_, address) => address })
  return serveWeb(paidHere(coffer, route, answer))
})

describe('paid() for fetch handlers', () => {
  adapterContract({ describe, it, expect }, overNode)

  it('checks the options at once', () => {
    const { coffer } = createSeller()
    expect(() => paid(coffer, { price: '1e3' }, () => new Response())).toThrow(/price/)
  })

  it('passes on whatever else the server gives, with its types (fault 12)', async () => {
    const { coffer } = createSeller()
    const seen: unknown[] = []
    const handle = paid(coffer, ROUTE, (_, grant, context: { params: { id: string } }, more: number) => {
      seen.push(grant.wallet.id, context.params.id, more)
      return new Response()
    })
    expectTypeOf(handle).parameters.toEqualTypeOf<[Request, { params: { id: string } }, number]>()
    expect((await handle(request('a'), { params: { id: '7' } }, 8)).status).toBe(200)
    expect(seen).toEqual(['main', '7', 8])
    const plain = paid(coffer, ROUTE, (_: Request, grant: Grant) => Response.json(grant.payment))
    expectTypeOf(plain).parameters.toEqualTypeOf<[Request]>()
  })

  it('lets the error of the handler through', async () => {
    const { coffer } = createSeller()
    const failure = new Error('the handler failed')
    const handle = paid(coffer, ROUTE, () => Promise.reject(failure))
    await expect(handle(request('a'))).rejects.toBe(failure)
    await expect(handle(request('a'))).rejects.toBe(failure)
  })
})

describe('paidOn()', () => {
  /** A platform that ends what nobody asked it to wait for. */
  function createPlatform() {
    const works: Promise<unknown>[] = []
    const platform = { waitUntil: (work: Promise<unknown>) => void works.push(work) }
    return { works, paid: paidOn<[]>({ context: () => platform }) }
  }

  it('gives the platform the work of a request, and behind it what is due in the outbox', async () => {
    const { coffer, script } = createSeller()
    const { works, paid } = createPlatform()
    const handle = paid(coffer, { ...ROUTE, settle: 'background' }, () => new Response('hello'))
    expect((await handle(request('a'))).status).toBe(200)
    expect(script.calls).toEqual(['verify'])
    await Promise.all(works)
    expect(script.calls).toEqual(['verify', 'settle'])
  })

  it('waits for an answer that is kept, until it has gone out', async () => {
    const { coffer } = createSeller()
    const { works, paid } = createPlatform()
    const handle = paid(coffer, ROUTE, () => new Response('hello'))
    const asking = () => request('a', undefined, { headers: { 'idempotency-key': 'key' } })
    const answer = await handle(asking())
    const ended = Promise.all(works).then(() => 'ended')
    const soon = new Promise((resolve) => setTimeout(resolve, 20, 'not yet'))
    expect(await Promise.race([ended, soon])).toBe('not yet')
    expect(await answer.text()).toBe('hello')
    expect(await ended).toBe('ended')
    expect(await (await handle(asking())).text()).toBe('hello')
  })

  it('has nothing to do behind a 402, nor behind a handler that throws', async () => {
    const { coffer, script } = createSeller()
    const { works, paid } = createPlatform()
    const handle = paid(coffer, { ...ROUTE, settle: 'background' }, () => Promise.reject(new Error('no')))
    expect((await handle(request(null))).status).toBe(402)
    await expect(handle(request('a'))).rejects.toThrow('no')
    await Promise.all(works)
    expect(script.calls).toEqual(['verify'])
  })

  it('leaves it to the platform to tell of an outbox that fails', async () => {
    const failure = new Error('disk full')
    const { coffer } = createSeller({ store: { ...memory(), list: () => Promise.reject(failure) } })
    const { works, paid } = createPlatform()
    const handle = paid(coffer, ROUTE, () => new Response('hello'))
    expect(await (await handle(request('a'))).text()).toBe('hello')
    await expect(Promise.all(works)).rejects.toBe(failure)
  })
})
