import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Delays, Demand } from './stream-clients.ts'
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

const GAP_MS = 50

/** Measures so many streams, in a server and clients with a process each. */
export async function measureStreams(
  streams: number,
  { single, delivered }: StreamEffort,
): Promise<StreamMeasurement> {
  const processes: ChildProcess[] = []
  const start = (script: string, args: readonly string[] = []): ChildProcess => {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const child = fork(path, args, { execArgv: ['--expose-gc'] })
    processes.push(child)
    return child
  }
  try {
    const server = start('stream-server.ts')
    const { port, path, token } = await answerOf<Followable>(server)
    const clients = start('stream-clients.ts', [String(port), path, token])
    await answerOf(clients)
    const tell = <Answer>(order: Order): Promise<Answer> => ask(server, order)
    const demand = <Answer>(what: Demand): Promise<Answer> => ask(clients, what)

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
    for (const child of processes) child.kill('SIGKILL')
  }
}

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const [answer] = await once(child, 'message')
  return answer
}

function ask<Answer>(child: ChildProcess, what: Order | Demand): Promise<Answer> {
  const answer = answerOf<Answer>(child)
  child.send(what)
  return answer
}
