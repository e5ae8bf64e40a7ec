import type { Footprint } from './footprint.ts'
import { formatGoal, isReached } from './goals.ts'
import { digits, formatTable } from './report.ts'

/** Writes the section of what has to be loaded. */
export function formatFootprints(footprints: readonly Footprint[], rounds: number): string {
  return `## Footprint

What loading takes: milliseconds for the import and megabytes more than bare Node has, in fresh processes after a collection, medians of
${rounds} whose order alternates; and kilobytes of what esbuild makes of it, minified and compressed by gzip, without what is loaded on first
use, and with it.

${formatTable([HEADINGS, ...footprints.map(rowOf)], 2)}
`
}

const HEADINGS = [
  'side',
  'who',
  'import',
  'memory',
  'minified',
  'gzip',
  'gzip, all',
  'viem',
  'target',
  'reached',
]

function rowOf({ load, ms, megabytes, size, goals }: Footprint): string[] {
  return [
    load.side,
    load.name,
    digits(ms.median),
    digits(megabytes.median),
    digits(size.minified / 1000),
    digits(size.gzipped / 1000),
    digits(size.wholeGzipped / 1000),
    size.hasViem ? 'at once' : '-',
    goals
      .filter(({ unit }) => unit !== '')
      .map(formatGoal)
      .join(', '),
    goals.length === 0 ? '' : goals.every(isReached) ? 'yes' : 'NO',
  ]
}
