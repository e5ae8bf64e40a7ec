import type { EventLoad, EventLoadOutcome } from '../test/api/event-load.ts'
import { type Goal, isReached } from './goals.ts'
import { digits, formatTable } from './report.ts'
import type { StreamMeasurement } from './streams.ts'

/** A load, and what came of it. */
export type LoadResult = EventLoad & EventLoadOutcome

/** Writes the section of event streams. */
export function formatStreams(measurements: readonly StreamMeasurement[], load: LoadResult): string {
  const { events, writers, subscribers, had, seconds, growth } = load
  const delivered = had.reduce((sum, each) => sum + each.events, 0)
  return `## Event streams

Streams of one vault over HTTP on the loopback, server and clients in a process each, store and bus in memory: milliseconds from before
the append of a lone event to its receipt, events that reach clients in a second when they come as fast as they can, and
kilobytes that the server has for each stream more (objects and buffers after a collection; all pages of the process).

${formatTable([HEADINGS, ...measurements.map(rowOf)], 0)}

${events} events that ${writers} processes append to a SQLite file, each on the disk before the next, while ${subscribers} clients follow through a third:
${delivered} events in ${digits(seconds)} s, ${isReached(goalOf(load)) ? 'none missing, none twice' : 'NOT all of them, or not in order'}; the server grew by ${digits(growth / 2 ** 20)} MiB.
`
}

/** Every client is to have every event once, and the seal. */
export function goalOf({ events, had }: LoadResult): Goal {
  const short = had.filter((each) => each.events !== events + 1 || each.outOfOrder.length > 0)
  return {
    name: 'streams: clients',
    got: short.length,
    most: 0,
    unit: ' that have not all events',
    isPortable: true,
  }
}

const HEADINGS = ['streams', 'p50', 'p99', 'events/s', 'heap, kB', 'resident, kB']

function rowOf({ streams, delays, perSecond, each }: StreamMeasurement): string[] {
  return [
    String(streams),
    digits(delays.p50),
    digits(delays.p99),
    digits(perSecond),
    digits(each.heap / 1000),
    digits(each.resident / 1000),
  ]
}
