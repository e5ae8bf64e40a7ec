import { expect, it } from 'vitest'
import { runEventLoad } from './event-load.ts'

/** The benchmark has five times as many: every event of a SQLite file is on the disk before the next one. */
const EVENTS = 2000
const SUBSCRIBERS = 200
/** Far less than 400 000 events in all their forms. */
const MAX_GROWTH = 200 * 2 ** 20

it(`${EVENTS} events of two processes reach ${SUBSCRIBERS} subscribers once each, in order, in little memory`, async () => {
  const { had, growth } = await runEventLoad({ events: EVENTS, writers: 2, subscribers: SUBSCRIBERS })
  expect(had).toEqual(Array.from({ length: SUBSCRIBERS }, () => ({ events: EVENTS + 1, outOfOrder: [] })))
  expect(growth).toBeLessThan(MAX_GROWTH)
}, 180_000)
