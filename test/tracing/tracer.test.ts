import { describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import type { CofferOptions } from '../../src/gate/options.ts'
import type { Settlement } from '../../src/payments/settlement.ts'
import type { Attributes, Tracer } from '../../src/tracing/tracer.ts'
import { createSeller, request } from '../gate/scripted.ts'
import { granted } from '../hooks/hooked.ts'

const ROUTE = { price: '0.01' }
const UNKNOWN: Settlement = { outcome: 'unknown', transaction: null, detail: '' }

interface Traced extends Attributes {
  readonly name: string
}

/** A seller whose operations are noted when they have ended, with all their attributes. */
function createTracedSeller(options: Partial<CofferOptions> = {}) {
  const ended: Traced[] = []
  const errors: unknown[] = []
  const tracer: Tracer = {
    async trace({ name, attributes }, run) {
      const known: Record<string, string | number | boolean> = { ...attributes }
      try {
        return await run({ set: (more) => void Object.assign(known, more) })
      } finally {
        ended.push({ name, ...known })
      }
    },
  }
  const seller = createSeller({ tracer, onError: (error) => errors.push(error), ...options })
  return {
    ...seller,
    ended,
    errors,
    /** Operations since the last look, by a part of their name. */
    took: (part: string) => ended.splice(0).filter(({ name }) => name.includes(part)),
  }
}

describe('a tracer', () => {
  it('follows a payment: what is decided, verified, settled and stored, in the order in which it ends', async () => {
    const { coffer, ended } = createTracedSeller()
    const next = granted(await coffer.handle(request('a'), ROUTE))
    const known = { protocol: 'x402', method: 'exact', network: 'eip155:1' }
    expect(ended).toEqual([
      { name: 'verify', ...known, outcome: 'verified' },
      { name: 'store.commit', collection: 'payment', rows: 5, held: true },
      { name: 'settle', ...known, outcome: 'settled' },
      { name: 'store.commit', collection: 'payment', rows: 2, held: true },
      { name: 'handle', outcome: 'granted', redeemed: false },
    ])
    await next.finish(new Response(''))
    expect(ended.slice(5)).toEqual([{ name: 'store.commit', collection: 'payment', rows: 1, held: true }])
  })

  it('follows what is refused, and a commit that does not hold', async () => {
    const { coffer, took } = createTracedSeller()
    await coffer.handle(request(null), ROUTE)
    expect(took('')).toEqual([{ name: 'handle', outcome: 'answered', status: 402 }])
    await coffer.handle(request('a'), ROUTE)
    took('')
    await coffer.handle(request('a'), ROUTE)
    const spans = took('')
    expect(spans).toContainEqual({ name: 'store.commit', collection: 'payment', rows: 5, held: false })
    expect(spans.at(-1)).toEqual({ name: 'handle', outcome: 'answered', status: 409 })
  })

  it('follows a refused credential by its reason', async () => {
    const { coffer, script, took } = createTracedSeller()
    script.verify = () => ({ kind: 'refusal', reason: 'challenge-expired', detail: '' })
    await coffer.handle(request('a'), ROUTE)
    expect(took('verify')).toEqual([
      { name: 'verify', protocol: 'x402', outcome: 'refused', reason: 'challenge-expired' },
    ])
  })

  it('follows the outbox: settlements in the background, questions to the chain', async () => {
    const seller = createTracedSeller()
    const { coffer, script, took } = seller
    script.settle = async () => UNKNOWN
    await granted(await coffer.handle(request('a'), { ...ROUTE, settle: 'background' })).abandon()
    took('')
    await coffer.tick()
    expect(took('settle')).toMatchObject([{ name: 'settle', outcome: 'unknown' }])
    script.reconcile = async () => ({ outcome: 'settled', transaction: '0xabc', block: '1' })
    script.confirm = async () => 'final'
    seller.advance(60_000)
    await coffer.tick()
    expect(took('reconcile')).toMatchObject([{ name: 'reconcile', outcome: 'settled' }])
    seller.advance(60_000)
    await coffer.tick()
    expect(took('confirm')).toMatchObject([{ name: 'confirm', outcome: 'final' }])
  })

  it('is told of no key of the store, no credential, no session', async () => {
    const seller = createTracedSeller({ vaults: { blobs: memoryBlobs() } })
    const route = { ...ROUTE, acceptSessions: true, vault: true }
    const headers = { 'idempotency-key': 'a-key-of-the-payer' }
    const paid = request('a-credential-of-the-payer', 'https://api.test/report?token=of-the-payer', {
      headers,
    })
    const answer = await granted(await seller.coffer.handle(paid, route)).finish(new Response('text'))
    await answer.text()
    const session = answer.headers.get('x-prudra-session-id') ?? ''
    await seller.coffer.handle(
      request(null, undefined, { headers: { 'x-prudra-session-id': session } }),
      route,
    )
    expect(seller.ended.length).toBeGreaterThan(5)
    const collections = new Set(seller.ended.map(({ collection }) => collection))
    expect([...collections].filter((name) => /[^a-z-]/.test(String(name ?? '')))).toEqual([])
    expect(JSON.stringify(seller.ended)).not.toMatch(/of-the-payer|sess_|pay_|vlt_/)
  })
})

describe('a tracer that', () => {
  const broken = new Error('of the tracer')
  const misbehaviours: readonly (readonly [string, Tracer['trace'], unknown[]])[] = [
    [
      'throws before',
      () => {
        throw broken
      },
      [broken],
    ],
    ['never runs what it is given', () => new Promise(() => {}), []],
    [
      'runs it twice',
      async (_operation, run) => {
        await run({ set() {} })
        return run({ set() {} })
      },
      [],
    ],
    [
      'runs it later',
      async (_operation, run) => {
        await Promise.resolve()
        return run({ set() {} })
      },
      [],
    ],
    [
      'throws after',
      async (_operation, run) => {
        await run({ set() {} })
        throw broken
      },
      [broken],
    ],
    ['answers something else', async () => 'nonsense' as never, []],
    [
      'takes no attributes',
      (_operation, run) =>
        run({
          set() {
            throw broken
          },
        }),
      [broken],
    ],
  ]

  it.each(misbehaviours)('%s breaks no payment', async (_what, trace, told) => {
    const { coffer, script, errors } = createTracedSeller({ tracer: { trace } })
    const next = granted(await coffer.handle(request('a'), ROUTE))
    expect((await next.finish(new Response('answer'))).status).toBe(200)
    expect(script.calls).toEqual(['verify', 'settle'])
    await new Promise((resolve) => setImmediate(resolve))
    expect([...new Set(errors)]).toEqual(told)
  })

  it('passes on what the operation throws is not blamed for it', async () => {
    const seller = createTracedSeller()
    seller.script.verify = () => {
      throw new Error('of the protocol')
    }
    await expect(seller.coffer.handle(request('a'), ROUTE)).rejects.toThrow('of the protocol')
    await new Promise((resolve) => setImmediate(resolve))
    expect(seller.errors).toEqual([])
  })
})
