import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Logger } from '../../src/hooks/logger.ts'
import { createSeller, request, SETTLED } from '../gate/scripted.ts'
import { granted } from './hooked.ts'

const ROUTE = { price: '0.01' }

function createLogger() {
  const lines: [level: string, message: string, fields: object][] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push([level, message, fields])
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  return { logger, lines, said: () => lines.splice(0).map(([level, message]) => `${level} ${message}`) }
}

describe('a logger', () => {
  it('gets every event: the type as message, the rest as fields, at a level of its own', async () => {
    const { logger, lines, said } = createLogger()
    const { coffer, script } = createSeller({ logger })
    await coffer.handle(request(null), ROUTE)
    const next = granted(await coffer.handle(request('a'), ROUTE))
    expect(lines[2]).toEqual([
      'info',
      'payment.settled',
      { at: expect.any(Number), payment: expect.objectContaining({ txHash: '0xabc' }), detail: null },
    ])
    await next.abandon()
    await coffer.handle(request('malformed'), ROUTE)
    expect(said()).toEqual([
      'debug request.refused',
      'debug payment.received',
      'info payment.settled',
      'warn payment.abandoned',
      'info request.refused',
    ])
    script.settle = async () => ({ outcome: 'unknown', transaction: null, detail: '' })
    await coffer.handle(request('b'), ROUTE)
    expect(said()).toEqual(['debug payment.received', 'warn payment.unknown', 'warn request.refused'])
  })

  it('gets what onError is told, besides', async () => {
    const { logger, lines } = createLogger()
    const failure = new Error('the chain broke')
    const told: unknown[] = []
    const { coffer, script } = createSeller({ logger, onError: (error) => told.push(error) })
    script.settle = () => Promise.reject(failure)
    await coffer.handle(request('a'), ROUTE)
    expect(lines).toContainEqual(['error', 'error', { err: failure }])
    expect(told).toEqual([failure])
  })

  it('that throws changes nothing', async () => {
    const fail = () => {
      throw new Error('the disk is full')
    }
    const logger = { debug: fail, info: fail, warn: fail, error: fail }
    const { coffer, script } = createSeller({ logger })
    script.settle = async () => SETTLED
    const next = granted(await coffer.handle(request('a'), ROUTE))
    expect((await next.finish(new Response(''))).status).toBe(200)
  })

  it('may be the console', () => {
    expectTypeOf<Console>().toExtend<Logger>()
  })
})
