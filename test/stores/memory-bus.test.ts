import { describe, expect, it } from 'vitest'
import { memoryBus } from '../../src/stores/memory-bus.ts'

describe('a bus in memory', () => {
  it('wakes whoever subscribes to the topic, until they do no more', async () => {
    const bus = memoryBus()
    const woken: string[] = []
    const wake = () => void woken.push('one')
    const first = await bus.subscribe('a', wake)
    const again = await bus.subscribe('a', wake)
    await bus.subscribe('a', () => void woken.push('two'))
    await bus.subscribe('b', () => void woken.push('b'))
    await bus.publish('a')
    expect(woken).toEqual(['one', 'one', 'two'])
    first()
    first()
    await bus.publish('a')
    expect(woken.slice(3)).toEqual(['one', 'two'])
    again()
    await bus.publish('a')
    await bus.publish('nobody')
    expect(woken.slice(5)).toEqual(['two'])
  })

  it('wakes nobody once it is closed', async () => {
    const bus = memoryBus()
    let woken = 0
    const unsubscribe = await bus.subscribe('a', () => woken++)
    await bus.close()
    await bus.publish('a')
    unsubscribe()
    expect(woken).toBe(0)
  })
})
