import { expect, it } from 'vitest'
import type { Next } from '../../src/gate/next.ts'
import { refuse } from '../../src/problems/refusal.ts'
import { createSeller, request, SETTLED } from './scripted.ts'

const ROUTE = { price: '0.01' }

it('a handler has all of its time, however long the settlement took', async () => {
  const seller = createSeller({ handlerTimeout: 60 })
  seller.script.settle = async () => {
    seller.advance(59_000)
    return SETTLED
  }
  const paid = (await seller.coffer.handle(request('a'), ROUTE)) as Next
  seller.advance(59_000)
  expect(((await seller.coffer.handle(request('a'), ROUTE)) as Response).status).toBe(409)
  expect((await paid.finish(new Response('in time'))).status).toBe(200)
})

it('nobody holds a lease when no handler follows: a payment in doubt stays a 503', async () => {
  const seller = createSeller()
  const route = { ...ROUTE, settle: 'background' } as const
  await ((await seller.coffer.handle(request('a'), route)) as Next).abandon()
  seller.script.verify = () => refuse('challenge-expired', 'Too late.')
  for (let tries = 0; tries < 3; tries++) {
    expect(((await seller.coffer.handle(request('a'), route)) as Response).status).toBe(503)
  }
})

it('the same request under another host is the same request', async () => {
  const seller = createSeller()
  const ask = (host: string) =>
    seller.coffer.handle(
      request('a', `https://${host}/report`, { headers: { 'idempotency-key': 'key' } }),
      ROUTE,
    )
  await (await ((await ask('one.test')) as Next).finish(new Response('answer'))).text()
  expect(await ((await ask('other.test:8443')) as Response).text()).toBe('answer')
})
