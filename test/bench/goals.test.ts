import { describe, expect, it } from 'vitest'
import { formatGoals, type Goal, goalCells, isFarOff, isReached } from '../../bench/goals.ts'

const least = (got: number, isPortable = true): Goal => ({
  name: 'speed',
  got,
  least: 0.6,
  unit: ' of bare',
  isPortable,
})
const most = (got: number): Goal => ({ name: 'late', got, most: 4, unit: ' ms', isPortable: true })

describe('a goal', () => {
  it.each([
    ['at the target', least(0.6), true, false],
    ['short of it', least(0.59), false, false],
    ['below its half', least(0.29), false, true],
    ['below its half, of one machine', least(0.29, false), false, false],
    ['at the limit', most(4), true, false],
    ['above it', most(8), false, false],
    ['above its double', most(8.1), false, true],
    ['without a figure', most(Number.NaN), false, true],
    ['none, and none', { ...most(0), most: 0 }, true, false],
    ['one where there should be none', { ...most(1), most: 0 }, false, true],
  ] as const)('%s', (_what, goal, reached, farOff) => {
    expect([isReached(goal), isFarOff(goal)]).toEqual([reached, farOff])
    expect(goalCells(goal)[1]).toBe(reached ? 'yes' : 'NO')
  })

  it('that was missed is told', () => {
    expect(formatGoals([least(0.7), least(0.123456), most(5)])).toBe(
      [
        '1 of 3 targets reached.',
        '- speed: 0.123 of bare, target >= 0.6 of bare (FAR OFF)',
        '- late: 5 ms, target <= 4 ms',
      ].join('\n'),
    )
  })
})
