import { describe, expect, it } from 'vitest'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { granted } from '../hooks/hooked.ts'
import { createSeller, request } from './scripted.ts'

const ROUTE = { price: '0.01', acceptSessions: true }

/** What a field tells, by its entries' names; each must be a duration. */
function entriesOf(field: string | null): string[] {
  return (field ?? '').split(', ').map((entry) => {
    expect(entry).toMatch(/^[a-z]+;dur=\d+\.\d\d$/)
    return entry.split(';')[0] ?? ''
  })
}

describe('Server-Timing', () => {
  it('is not told unless the seller wants it', async () => {
    const { coffer } = createSeller()
    const unpaid = (await coffer.handle(request(null), ROUTE)) as Response
    const paid = await granted(await coffer.handle(request('a'), ROUTE)).finish(new Response(''))
    expect([unpaid, paid].map(({ headers }) => headers.get('server-timing'))).toEqual([null, null])
  })

  it('tells what a paid answer, a session’s and a refusal spent their time with', async () => {
    const { coffer, script } = createSeller({ serverTiming: true })
    const paid = await granted(await coffer.handle(request('a'), ROUTE)).finish(new Response('answer'))
    expect(entriesOf(paid.headers.get('server-timing'))).toEqual(['verify', 'store', 'settle', 'handler'])
    expect(await paid.text()).toBe('answer')

    const headers = { 'x-prudra-session-id': paid.headers.get('x-prudra-session-id') ?? '' }
    const inSession = granted(await coffer.handle(request(null, undefined, { headers }), ROUTE))
    const again = await inSession.finish(new Response(''))
    expect(entriesOf(again.headers.get('server-timing'))).toEqual(['session', 'handler'])

    script.verify = () => ({ kind: 'refusal', reason: 'challenge-expired', detail: '' })
    const refused = (await coffer.handle(request('b'), ROUTE)) as Response
    expect(refused.status).toBe(402)
    expect(refused.headers.get('x-challenge')).toBe('GET /report')
    expect(entriesOf(refused.headers.get('server-timing'))).toEqual(['verify', 'store'])
  })

  it('measures', async () => {
    const { coffer, script } = createSeller({ serverTiming: true })
    const settled = script.settle
    script.settle = async (text) => {
      const begun = performance.now()
      while (performance.now() - begun < 20);
      return settled(text)
    }
    const paid = await granted(await coffer.handle(request('a'), ROUTE)).finish(new Response(''))
    const [, ms] = /settle;dur=([\d.]+)/.exec(paid.headers.get('server-timing') ?? '') ?? []
    expect(Number(ms)).toBeGreaterThanOrEqual(20)
  })

  it('comes after what the handler tells, also for servers that write their own head', async () => {
    const { coffer } = createSeller({ serverTiming: true })
    const own = { headers: { 'server-timing': 'db;dur=1' } }
    const paid = await granted(await coffer.handle(request('a'), ROUTE)).finish(new Response('', own))
    expect(paid.headers.get('server-timing')).toMatch(/^db;dur=1, verify;dur=.*, handler;dur=[\d.]+$/)

    const next = granted(await coffer.handle(request('b'), ROUTE))
    const { set } = next.conclude(200, new Headers(own.headers))
    const fields = new Map(set.map(([name, value]) => [name, value]))
    expect(fields.get('server-timing')).toMatch(/^db;dur=1, verify;dur=.*, handler;dur=[\d.]+$/)
    expect(fields.has('x-receipt')).toBe(true)
  })

  it('leaves kept answers as they were, and vaults working', async () => {
    const { coffer } = createSeller({ serverTiming: true, vaults: { blobs: memoryBlobs() } })
    const route = { ...ROUTE, vault: true }
    const ask = () =>
      coffer.handle(request('a', undefined, { headers: { 'idempotency-key': 'the-same' } }), route)
    const next = granted(await ask())
    await next.grant.vault?.addDocument({ step: 1 })
    const first = await next.finish(new Response('answer', { headers: { etag: '"1"' } }))
    expect(await first.text()).toBe('answer')
    const again = (await ask()) as Response
    expect([await again.text(), again.headers.get('etag')]).toEqual(['answer', '"1"'])
    expect(entriesOf(again.headers.get('server-timing'))).toEqual(['verify', 'store'])
  })
})
