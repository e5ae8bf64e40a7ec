import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Size, sizeOf } from './bundle.ts'
import type { Loading } from './footprint-process.ts'
import { formatFootprints } from './footprint-report.ts'
import type { Goal } from './goals.ts'
import type { Group, Pace } from './group.ts'
import { type Spread, spreadOf } from './spread.ts'
import { takeTurns } from './turns.ts'

/** What somebody has to load. */
export interface Load {
  readonly name: string
  readonly side: 'server' | 'client'
  readonly modules: readonly string[]
  /** Most kilobytes, compressed. */
  readonly goal?: number
  /** Whether loading is to be fast and small, too. */
  readonly isHeld?: boolean
}

/** What loading it takes. */
export interface Footprint {
  readonly load: Load
  readonly ms: Spread
  /** Megabytes more than Node without anything. */
  readonly megabytes: Spread
  readonly size: Size
  readonly goals: readonly Goal[]
}

const LOADS: readonly Load[] = [
  { name: 'coffer', side: 'server', modules: ['coffer'], goal: 40, isHeld: true },
  {
    name: 'coffer, /x402, /mpp, /evm, /sqlite',
    side: 'server',
    modules: ['coffer', 'coffer/x402', 'coffer/mpp', 'coffer/evm', 'coffer/sqlite'],
    isHeld: true,
  },
  {
    name: '@x402/core/server, @x402/evm',
    side: 'server',
    modules: ['@x402/core/server', '@x402/evm/exact/server'],
  },
  { name: 'mppx/server', side: 'server', modules: ['mppx/server'] },
  { name: 'coffer/client', side: 'client', modules: ['coffer/client'], goal: 60, isHeld: true },
  { name: '@x402/fetch, @x402/evm', side: 'client', modules: ['@x402/fetch', '@x402/evm/exact/client'] },
  { name: 'mppx/client', side: 'client', modules: ['mppx/client'] },
]

const ROUNDS: Readonly<Record<Pace, number>> = { full: 9, quick: 2, once: 1 }

/** Limits on loading: milliseconds, and megabytes more than Node without anything. */
const MAX = { ms: 60, megabytes: 25 }

/** What it takes to load Coffer and its peers: time, memory, and bytes. */
export const footprint: Group = {
  name: 'footprint',
  async run(pace) {
    const footprints = await measureFootprints(ROUNDS[pace])
    return {
      text: formatFootprints(footprints, ROUNDS[pace]),
      goals: footprints.flatMap(({ goals }) => goals),
    }
  },
}

/** Loads everything in fresh processes, in rounds whose order alternates. */
export async function measureFootprints(rounds: number): Promise<Footprint[]> {
  const entries = LOADS.map((load) => ({ load, modules: load.modules, loadings: [] as Loading[] }))
  const nothing = { modules: [], loadings: [] as Loading[] }
  await takeTurns([nothing, ...entries], rounds, async ({ modules, loadings }) => {
    loadings.push(await load(modules))
  })
  const bare = spreadOf(nothing.loadings.map(({ resident }) => resident)).median
  const footprints: Footprint[] = []
  for (const { load, loadings } of entries) {
    const measured = {
      load,
      ms: spreadOf(loadings.map(({ ms }) => ms)),
      megabytes: spreadOf(loadings.map(({ resident }) => (resident - bare) / 1e6)),
      size: await sizeOf(allOf(load.modules), load.side === 'server' ? 'node' : 'browser'),
    }
    footprints.push({ ...measured, goals: goalsOf(measured) })
  }
  return footprints
}

/** A module that exports everything of others. */
const allOf = (modules: readonly string[]): string =>
  modules.map((module, at) => `export * as part${at} from '${module}'`).join('\n')

async function load(modules: readonly string[]): Promise<Loading> {
  const script = join(import.meta.dirname, 'footprint-process.ts')
  const child = fork(script, modules, { execArgv: ['--expose-gc'] })
  const said = once(child, 'message')
  const ended = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`${modules.join(', ')} cannot be loaded`)
    return said
  })
  const [loading] = await Promise.race([said, ended])
  await ended
  return loading as Loading
}

function goalsOf({ load, ms, megabytes, size }: Omit<Footprint, 'goals'>): Goal[] {
  const goal = (what: string, got: number, most: number, unit: string, isPortable: boolean): Goal => ({
    name: `footprint: ${load.name}, ${what}`,
    got,
    most,
    unit,
    isPortable,
  })
  return [
    ...(load.isHeld
      ? [
          goal('import', ms.median, MAX.ms, ' ms', false),
          goal('memory', megabytes.median, MAX.megabytes, ' MB', false),
        ]
      : []),
    ...(load.goal === undefined
      ? []
      : [
          goal('compressed', size.gzipped / 1000, load.goal, ' kB', true),
          goal('viem', Number(size.hasViem), 0, '', true),
        ]),
  ]
}
