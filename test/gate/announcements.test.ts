import { describe, expect, it } from 'vitest'
import type { Next } from '../../src/gate/next.ts'
import { verifyWebhook } from '../../src/webhook-verify.ts'
import { webhooks } from '../../src/webhooks.ts'
import { createSeller, request } from './scripted.ts'

const ROUTE = { price: '0.01' }

/** A seller whose one endpoint notes what it is told. */
async function createAnnouncingSeller() {
  const told: { type: string; data: unknown }[] = []
  let secret = ''
  const seller = createSeller({
    webhooks: webhooks({
      async send({ body, headers }) {
        const { type, data } = verifyWebhook(body, headers, secret, { clock: seller.now })
        told.push({ type, data })
        return new Response(null, { status: 204 })
      },
    }),
  })
  const endpoint = await seller.coffer.webhooks?.create({ url: 'https://seller.test/hooks' })
  secret = endpoint?.secret ?? ''
  const work = async (): Promise<void> => {
    while ((await seller.coffer.tick()) > 0);
  }
  return { ...seller, told, work }
}

describe('the seller', () => {
  it('is told when a payment comes and when its money has moved, in the commits that make it true', async () => {
    const seller = await createAnnouncingSeller()
    const next = (await seller.coffer.handle(request('a'), ROUTE)) as Next
    await next.finish(new Response(''))
    await seller.work()
    const { paymentId } = next.grant.payment
    expect(seller.told.map(({ type }) => type).sort()).toEqual(['payment.received', 'payment.settled'])
    expect(seller.told.find(({ type }) => type === 'payment.settled')?.data).toMatchObject({
      paymentId,
      amount: '0.01',
      route: 'GET /report',
      txHash: '0xabc',
    })
  })

  it('is told why a payment failed, and nothing that could be spent', async () => {
    const seller = await createAnnouncingSeller()
    seller.script.settle = async () => ({ outcome: 'failed', cause: 'insufficient_funds', detail: '' })
    await seller.coffer.handle(request('a-secret-credential'), ROUTE)
    await seller.work()
    const failed = seller.told.find(({ type }) => type === 'payment.failed')
    expect(failed?.data).toMatchObject({ cause: 'insufficient_funds', txHash: null })
    expect(JSON.stringify(seller.told)).not.toContain('a-secret-credential')
  })

  it('is told when a settled payment vanishes from the chain', async () => {
    const seller = await createAnnouncingSeller()
    seller.script.confirm = async () => 'vanished'
    await ((await seller.coffer.handle(request('a'), ROUTE)) as Next).finish(new Response(''))
    seller.advance(30_000)
    await seller.work()
    expect(seller.told.find(({ type }) => type === 'payment.failed')?.data).toMatchObject({
      cause: 'transaction_vanished',
      txHash: '0xabc',
    })
  })
})
