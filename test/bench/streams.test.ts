import { expect, it } from 'vitest'
import { formatStreams } from '../../bench/stream-report.ts'
import { measureStreams } from '../../bench/streams.ts'

it('measures streams in processes of their own, and says whether a load arrived whole', async () => {
  const measured = await measureStreams(3, { single: 2, delivered: 9 })
  expect(measured.streams).toBe(3)
  expect(measured.delays.p50).toBeGreaterThan(0)
  expect(measured.perSecond).toBeGreaterThan(0)
  expect(measured.each.heap).not.toBeNaN()
  const load = { events: 5, writers: 1, subscribers: 2, seconds: 1.5, growth: 2 ** 20 }
  const had = { events: 6, outOfOrder: [] }
  const report = formatStreams([measured], { ...load, had: [had, had] })
  expect(report).toMatch(/^\| +3 \| /m)
  expect(report).toContain('12 events in 1.50 s, none missing, none twice; the server grew by 1.00 MiB')
  for (const bad of [
    { events: 5, outOfOrder: [] },
    { events: 6, outOfOrder: [4] },
  ]) {
    expect(formatStreams([], { ...load, had: [had, bad] })).toContain('NOT all of them')
  }
})
