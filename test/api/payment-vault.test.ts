import { describe, expect, it } from 'vitest'
import { codeOf, request, SETTLED } from '../gate/scripted.ts'
import { createOperated, jsonOf } from './operator.ts'

const ROUTE = { price: '0.01', vault: true } as const

interface Listed {
  readonly payments: readonly { readonly id: string; readonly status: string }[]
}

/** A payment of which nobody knows yet whether its money moved, as an operator sees it. */
async function inDoubt() {
  const seller = createOperated()
  seller.script.settle = async () => ({ outcome: 'unknown', transaction: null, detail: 'no answer' })
  const first = (await seller.coffer.handle(request('a'), ROUTE)) as Response
  expect(first.status).toBe(503)
  const [payment] = (await jsonOf<Listed>(seller.ask('/payments'))).payments
  expect(payment?.status).toBe('unknown')
  return { seller, paymentId: payment?.id ?? '' }
}

describe('a vault for a payment that is not settled', () => {
  it('is not made by an operator: it would be in the way of its settlement', async () => {
    const { seller, paymentId } = await inDoubt()
    const early = await seller.ask('/vaults', { method: 'POST', body: { paymentId } })
    expect([early.status, await codeOf(early)]).toEqual([409, 'payment-in-flight'])

    seller.script.reconcile = async () => SETTLED
    seller.advance(60_000)
    await seller.work()
    expect(await jsonOf(seller.ask(`/payments/${paymentId}`))).toMatchObject({ status: 'settled' })
    const made = await seller.ask(`/vaults/vlt_${paymentId.slice('pay_'.length)}`)
    expect(await made.json()).toMatchObject({ paymentId })
    const late = await seller.ask('/vaults', { method: 'POST', body: { paymentId } })
    expect(await codeOf(late)).toBe('vault-exists')
    expect(seller.failures).toEqual([])
    await seller.coffer.close()
  })

  it('is made when the payment has failed, or makes none itself', async () => {
    const { seller, paymentId } = await inDoubt()
    seller.script.reconcile = async () => ({ outcome: 'failed', cause: 'reverted', detail: 'It did not.' })
    seller.advance(60_000)
    await seller.work()
    expect(await jsonOf(seller.ask(`/payments/${paymentId}`))).toMatchObject({ status: 'failed' })
    expect((await seller.ask('/vaults', { method: 'POST', body: { paymentId } })).status).toBe(201)

    await seller.coffer.handle(request('b'), { price: '0.01' })
    const [other] = (await jsonOf<Listed>(seller.ask('/payments'))).payments
    expect(other?.status).toBe('unknown')
    const made = await seller.ask('/vaults', { method: 'POST', body: { paymentId: other?.id } })
    expect(made.status).toBe(201)
    seller.script.reconcile = async () => SETTLED
    seller.advance(60_000)
    await seller.work()
    expect(await jsonOf(seller.ask(`/payments/${other?.id}`))).toMatchObject({ status: 'settled' })
    await seller.coffer.close()
  })
})
