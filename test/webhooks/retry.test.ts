import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { retryAfterMs, retryDelayMs } from '../../src/webhooks/retry.ts'

const NOW = Date.UTC(1994, 10, 6, 8, 49, 7)
const DAY = 86_400_000

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 120 ', 120_000],
    ['86400', DAY],
    ['86401', DAY],
    ['9'.repeat(400), DAY],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['Sun, 06 Nov 1994 08:49:07 GMT', 0],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['Fri, 06 Nov 2020 08:00:00 GMT', DAY],
    ['Sun Nov  6 08:49:37 1994', 0],
    ['1994-11-06T08:49:37Z', 0],
    ['Never, ever GMT', 0],
    ['-1', 0],
    ['1.5', 0],
    ['1e3', 0],
    ['', 0],
    [null, 0],
  ])('%j is %i ms', (field, ms) => {
    expect(retryAfterMs(field, NOW)).toBe(ms)
  })

  it('is never out of bounds, whatever it says', () => {
    fc.assert(
      fc.property(fc.string(), (field) => {
        const ms = retryAfterMs(field, NOW)
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(ms).toBeLessThanOrEqual(DAY)
      }),
    )
  })
})

it('delays double from 5 s to 12 h, and are shortened by a tenth at most', () => {
  expect([1, 2, 3, 13, 14, 15, 16, 1000].map((tries) => retryDelayMs(tries, 0) / 1000)).toEqual([
    5, 10, 20, 20_480, 40_960, 43_200, 43_200, 43_200,
  ])
  expect(retryDelayMs(1, 1)).toBe(4500)
})
