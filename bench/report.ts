import { cpus } from 'node:os'
import viem from 'viem/package.json' with { type: 'json' }
import manifest from '../package.json' with { type: 'json' }
import type { Comparison, Effort, Measurement } from './harness.ts'

/** A comparison and how it went. */
export interface Result {
  readonly comparison: Comparison
  readonly measurements: readonly Measurement[]
}

/** Writes results as Markdown that can also be read as it is. */
export function formatReport(results: readonly Result[], { rounds, roundMs }: Effort): string {
  const { devDependencies: versions } = manifest
  const [cpu] = cpus()
  return `# Benchmarks

\`npm run bench\` on Node ${process.versions.node}, ${cpu?.model.trim()} with ${cpus().length} cores, everybody in one process: Coffer ${manifest.version} as
built, @x402/core ${versions['@x402/core']}, @x402/evm ${versions['@x402/evm']}, mppx ${versions.mppx}, viem ${viem.version}. Before anything is timed, everybody has to come to
the same verdict on the same input. Microseconds for one run, medians of ${rounds} rounds of ${roundMs} ms whose order alternates, after a
warm-up; processor time of the thread with its fastest and slowest round, and the time that passed. Ratios are of
processor time.

${formatTable([HEADINGS, ...results.flatMap(rowsOf)], 2)}
`
}

const HEADINGS = ['job', 'who', 'processor', 'range', 'elapsed', 'of Coffer']

function rowsOf({ comparison, measurements }: Result): string[][] {
  const ours = measurements[0]?.cpu.median ?? Number.NaN
  return measurements.map(({ contender: { name, note }, cpu, elapsed }, at) => [
    at === 0 ? comparison.title : '',
    note === undefined ? name : `${name} (${note})`,
    digits(cpu.median),
    `${digits(cpu.min)}-${digits(cpu.max)}`,
    digits(elapsed.median),
    `x ${digits(cpu.median / ours)}`,
  ])
}

/** Three significant digits: more would be noise. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** Writes a table whose first row is its head, and whose first columns are text; the others are numbers. */
export function formatTable(rows: readonly (readonly string[])[], textColumns: number): string {
  const columns = rows[0] ?? []
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) =>
      column < textColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    )
    return `| ${cells.join(' | ')} |`
  })
  const rule = widths.map((width, column) =>
    column < textColumns ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return [lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n')
}
