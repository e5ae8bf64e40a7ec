import { describe, expect, it } from 'vitest'
import { createTurns } from '../../src/lib/turns.ts'

describe('turns', () => {
  it('run what has the same key in order, and other keys at the same time', async () => {
    const inTurn = createTurns()
    const log: string[] = []
    const work = (name: string, waits: number) => async () => {
      log.push(`${name} begins`)
      for (let n = 0; n < waits; n++) await null
      log.push(`${name} ends`)
      return name
    }
    const results = await Promise.all([
      inTurn('a', work('a1', 9)),
      inTurn('a', work('a2', 0)),
      inTurn('b', work('b1', 1)),
    ])
    expect(results).toEqual(['a1', 'a2', 'b1'])
    expect(log.filter((line) => line.startsWith('a'))).toEqual([
      'a1 begins',
      'a1 ends',
      'a2 begins',
      'a2 ends',
    ])
    expect(log.indexOf('b1 ends')).toBeLessThan(log.indexOf('a1 ends'))
  })

  it('go on after one that failed', async () => {
    const inTurn = createTurns()
    const failing = inTurn('a', async () => Promise.reject(new Error('failed')))
    const next = inTurn('a', async () => 'next')
    await expect(failing).rejects.toThrow('failed')
    expect(await next).toBe('next')
  })
})
