import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTelemetry } from '../../src/tracing/open-telemetry.ts'
import { createSeller, request } from '../gate/scripted.ts'
import { granted } from '../hooks/hooked.ts'
import { createTelemetry, type Telemetry } from './telemetry.ts'

const ROUTE = { price: '0.01' }
const PAID = { 'coffer.protocol': 'x402', 'coffer.method': 'exact', 'coffer.network': 'eip155:1' }

let telemetry: Telemetry
beforeEach(() => {
  telemetry = createTelemetry()
})
afterEach(() => telemetry.stop())

/** A seller in the telemetry, which has answered one request. */
async function sell() {
  const seller = createSeller({ hooks: telemetry.hooks, tracer: telemetry.tracer })
  const next = await telemetry.within('POST /report', async () =>
    granted(await seller.coffer.handle(request('a'), ROUTE)),
  )
  await next.finish(new Response(''))
  return { ...seller, paymentId: next.grant.payment.paymentId }
}

const named = (name: string): ReadableSpan => {
  const span = telemetry.spans().find((each) => each.name === name)
  if (span === undefined) throw new Error(`no span ${name}`)
  return span
}

describe('spans', () => {
  it('tell what a paid request did, within that of the server', async () => {
    const { paymentId } = await sell()
    const [server, handled, verified, settled] = [
      'POST /report',
      'coffer.handle',
      'coffer.verify',
      'coffer.settle',
    ].map(named)
    expect(handled?.parentSpanContext?.spanId).toBe(server?.spanContext().spanId)
    for (const span of [verified, settled]) {
      expect(span?.parentSpanContext?.spanId).toBe(handled?.spanContext().spanId)
    }
    expect(handled?.attributes).toEqual({
      'coffer.operation': 'handle',
      'coffer.outcome': 'granted',
      'coffer.redeemed': false,
    })
    expect(settled?.attributes).toEqual({
      'coffer.operation': 'settle',
      ...PAID,
      'coffer.outcome': 'settled',
    })
    expect(handled?.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['payment.received', { ...PAID, 'coffer.payment.id': paymentId }],
      ['payment.settled', { ...PAID, 'coffer.payment.id': paymentId }],
    ])
  })

  it('tell of the store as of a database', async () => {
    await sell()
    const { kind, attributes } = named('commit payment')
    expect(kind).toBe(SpanKind.CLIENT)
    expect(attributes).toEqual({
      'db.system.name': 'coffer',
      'db.operation.name': 'commit',
      'db.collection.name': 'payment',
      'db.operation.batch.size': expect.any(Number),
      'coffer.held': true,
    })
  })

  it('are errors when an outcome is in doubt, or the store fails; without its text', async () => {
    const { coffer, script } = await sell()
    script.settle = async () => ({ outcome: 'unknown', transaction: null, detail: '' })
    await coffer.handle(request('b'), ROUTE)
    const doubtful = telemetry.spans().findLast(({ name }) => name === 'coffer.settle')
    expect(doubtful?.attributes['error.type']).toBe('settlement_unknown')
    expect(doubtful?.status).toEqual({ code: SpanStatusCode.ERROR })

    await coffer.close()
    await expect(coffer.handle(request('c'), ROUTE)).rejects.toThrow('the store is closed')
    const failed = telemetry.spans().findLast(({ name }) => name === 'commit payment')
    expect(failed?.attributes['error.type']).toBe('invalid-state')
    expect(failed?.status).toEqual({ code: SpanStatusCode.ERROR })
    expect(await telemetry.dump()).not.toContain('the store is closed')
  })
})

describe('metrics', () => {
  it('count what happened', async () => {
    const { coffer, script } = await sell()
    await coffer.handle(request(null), ROUTE)
    script.verify = () => ({ kind: 'refusal', reason: 'challenge-expired', detail: '' })
    await coffer.handle(request('b'), ROUTE)
    const refused = (reason: string) => ({
      'coffer.event': 'request.refused',
      'coffer.reason': reason,
      'http.response.status_code': 402,
    })
    expect(await telemetry.metric('coffer.events')).toEqual([
      [{ 'coffer.event': 'payment.received', ...PAID }, 1],
      [{ 'coffer.event': 'payment.settled', ...PAID }, 1],
      [{ 'coffer.event': 'payment.delivered', ...PAID }, 1],
      [refused('payment-required'), 1],
      [refused('challenge-expired'), 1],
    ])
  })

  it('measure operations, and the store by the convention for databases', async () => {
    await sell()
    const operations = await telemetry.metric('coffer.operation.duration')
    expect(operations.map(([attributes, count]) => [attributes['coffer.operation'], count])).toEqual([
      ['verify', 1],
      ['settle', 1],
      ['handle', 1],
    ])
    expect(await telemetry.metric('db.client.operation.duration')).toEqual([
      [
        {
          'db.system.name': 'coffer',
          'db.operation.name': 'commit',
          'db.collection.name': 'payment',
          'coffer.held': true,
        },
        3,
      ],
    ])
  })
})

it('without an SDK there is nothing, and nothing breaks', async () => {
  const seller = createSeller(openTelemetry())
  const next = granted(await seller.coffer.handle(request('a'), ROUTE))
  expect((await next.finish(new Response(''))).status).toBe(200)
})
