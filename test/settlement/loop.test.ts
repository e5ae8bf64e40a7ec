import { expect, it } from 'vitest'
import { createLoop } from '../../src/settlement/loop.ts'

it('works on while there is something to do, and waits for the round under way when it is stopped', async () => {
  const started = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let rounds = 0
  let isDone = false
  const loop = createLoop(
    async () => {
      if (++rounds < 3) return 1
      started.resolve()
      await released.promise
      isDone = true
      return 1
    },
    () => expect.unreachable(),
  )
  loop.start()
  loop.start()
  await started.promise
  const stopped = loop.stop()
  expect(isDone).toBe(false)
  released.resolve()
  await stopped
  expect([rounds, isDone]).toEqual([3, true])
})

it('tells of rounds that fail, and goes on', async () => {
  const errors: unknown[] = []
  const failed = Promise.withResolvers<void>()
  let rounds = 0
  const loop = createLoop(
    async () => {
      rounds++
      throw new Error('store away')
    },
    (error) => {
      errors.push(error)
      failed.resolve()
    },
  )
  loop.start()
  await failed.promise
  await loop.stop()
  expect([rounds, String(errors[0])]).toEqual([1, 'Error: store away'])
  loop.start()
  await loop.stop()
  expect(rounds).toBe(2)
})

it('ends at once when it is idle', async () => {
  const loop = createLoop(
    async () => 0,
    () => {},
  )
  loop.start()
  await new Promise((resolve) => setImmediate(resolve))
  await loop.stop()
  await loop.stop()
})
