import { describe, expect, it } from 'vitest'
import { memoryBus } from '../../src/stores/memory-bus.ts'
import { busContract } from '../../src/testing/bus-contract.ts'

busContract({ describe, it }, async () => {
  const bus = memoryBus()
  return [bus, bus]
})

it('a bus in memory wakes at once, and for every subscription', async () => {
  const bus = memoryBus()
  const woken: string[] = []
  const wake = () => void woken.push('one')
  await bus.subscribe('a', wake)
  await bus.subscribe('a', wake)
  await bus.subscribe('a', () => void woken.push('two'))
  await bus.publish('a')
  expect(woken).toEqual(['one', 'one', 'two'])
})
