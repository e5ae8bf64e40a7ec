import { afterEach, describe, expect, it, vi } from 'vitest'
import { createTurns } from '../../src/lib/turns.ts'

afterEach(() => {
  vi.useRealTimers()
})

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

  it('go on after ten seconds of one that never ends, whoever waits by then', async () => {
    vi.useFakeTimers()
    const inTurn = createTurns()
    const begun: string[] = []
    void inTurn('a', () => new Promise(() => {}))
    const others = ['a2', 'a3'].map((name) =>
      inTurn('a', async () => {
        begun.push(name)
        return name
      }),
    )
    await vi.advanceTimersByTimeAsync(9_999)
    expect(begun).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await Promise.all(others)).toEqual(['a2', 'a3'])
    expect(vi.getTimerCount()).toBe(0)
  })
})
