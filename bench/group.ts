import type { Goal } from './goals.ts'

/** Measurements that belong together: a section of the report. */
export interface Group {
  /** What `npm run bench -- <name>` calls it. */
  readonly name: string
  run(pace: Pace): Promise<Section>
}

/** How thoroughly to measure. `quick`: all within a minute, to see that nothing is far off; `once`: as little as possible. */
export type Pace = 'full' | 'quick' | 'once'

/** What a group has to tell. */
export interface Section {
  /** Markdown that can also be read as it is, from its heading on. */
  readonly text: string
  readonly goals: readonly Goal[]
  /** Whether there was an error, and nothing is told. */
  readonly isBroken?: boolean
}
