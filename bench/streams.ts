import { type EventLoad, runEventLoad } from '../test/api/event-load.ts'
import type { Group, Pace } from './group.ts'
import { openProcesses } from './process.ts'
import type { Delays, Demand } from './stream-clients.ts'
import { formatStreams, goalOf } from './stream-report.ts'
import type { Followable, Order, Weight } from './stream-server.ts'

/** What so many open event streams of one vault come to. */
export interface StreamMeasurement {
  readonly streams: number
  /** Of events that come one at a time. */
  readonly delays: Delays
  /** Events that reach clients in a second, all streams together, when they come as fast as they can. */
  readonly perSecond: number
  /** What the server has in memory for each stream, bytes. */
  readonly each: Weight
}

/** How much to measure. */
export interface StreamEffort {
  /** Events that come one at a time. */
  readonly single: number
  /** Events that reach clients, all streams together, when they come as fast as they can. */
  readonly delivered: number
}

/** How much to measure, and what the processes of the load do. */
interface Efforts extends StreamEffort {
  readonly counts: readonly number[]
  readonly load: EventLoad
}

const EFFORTS: Readonly<Record<Pace, Efforts>> = {
  full: {
    single: 100,
    delivered: 400_000,
    counts: [10, 100, 1000],
    load: { events: 10_000, writers: 2, subscribers: 200 },
  },
  quick: {
    single: 10,
    delivered: 20_000,
    counts: [10, 100],
    load: { events: 500, writers: 2, subscribers: 50 },
  },
  once: { single: 2, delivered: 9, counts: [3], load: { events: 4, writers: 2, subscribers: 2 } },
}

/** What open event streams cost, and whether all events arrive. */
export const streams: Group = {
  name: 'streams',
  async run(pace) {
    const { counts, load, ...effort } = EFFORTS[pace]
    const measurements: StreamMeasurement[] = []
    for (const count of counts) measurements.push(await measureStreams(count, effort))
    const outcome = { ...load, ...(await runEventLoad(load)) }
    return { text: formatStreams(measurements, outcome), goals: [goalOf(outcome)] }
  },
}

const GAP_MS = 50

/** Measures so many streams, in a server and clients with a process each. */
export async function measureStreams(
  streams: number,
  { single, delivered }: StreamEffort,
): Promise<StreamMeasurement> {
  const processes = openProcesses(['--expose-gc'])
  try {
    const server = await processes.start<Followable>('stream-server.ts')
    const { port, path, token } = server.ready
    const clients = await processes.start('stream-clients.ts', String(port), path, token)
    const tell = <Answer>(order: Order): Promise<Answer> => server.ask(order)
    const demand = <Answer>(what: Demand): Promise<Answer> => clients.ask(what)

    // The first stream loads what all need.
    await demand({ open: 1 })
    const before = await tell<Weight>('weigh')
    await demand({ open: streams - 1 })
    const after = await tell<Weight>('weigh')

    const emit = async (count: number, gapMs: number): Promise<Delays> => {
      const got = demand<Delays>({ expect: count * streams })
      await tell({ emit: count, gapMs })
      return got
    }
    await emit(100, 0)
    const delays = await emit(single, GAP_MS)
    const count = Math.ceil(delivered / streams)
    const begin = performance.now()
    await emit(count, 0)
    const seconds = (performance.now() - begin) / 1000
    return {
      streams,
      delays,
      perSecond: (count * streams) / seconds,
      each: {
        heap: (after.heap - before.heap) / (streams - 1),
        resident: (after.resident - before.resident) / (streams - 1),
      },
    }
  } finally {
    processes.stop()
  }
}
