import { describe, expect, it } from 'vitest'
import { defaultTtlHours, plans, readLimits } from '../../src/vaults/limits.ts'

describe('limits', () => {
  it('are none by default but a TTL of seven days', () => {
    const { sessions, ttlHours, ...others } = readLimits()
    expect(sessions).toBe(true)
    expect(ttlHours).toBe(168)
    expect(Object.values(others)).toEqual(Object.values(others).map(() => null))
  })

  it('can start from a plan', () => {
    expect(readLimits(plans.hobby)).toEqual(plans.hobby)
    expect(readLimits({ ...plans.pro, fileBytes: 1 })).toEqual({ ...plans.pro, fileBytes: 1 })
  })

  it('give a vault what the plan allows, and a week where it allows more', () => {
    expect(Object.values(plans).map(defaultTtlHours)).toEqual([24, 168, 168])
  })

  it.each([
    [{ activeVaults: -1 }],
    [{ storageBytes: 1.5 }],
    [{ fileBytes: Number.NaN }],
    [{ ttlHours: 0 }],
    [{ ttlHours: '24' }],
    [{ sessions: 1 }],
    [{ files: 1 }],
  ])('refuse %j', (limits) => {
    expect(() => readLimits(limits as object)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})
