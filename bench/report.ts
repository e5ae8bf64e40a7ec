import { cpus } from 'node:os'
import viem from 'viem/package.json' with { type: 'json' }
import manifest from '../package.json' with { type: 'json' }
import type { Comparison, Effort, Measurement } from './harness.ts'

/** A comparison and how it went. */
export interface Result {
  readonly comparison: Comparison
  readonly measurements: readonly Measurement[]
}

/** Writes what was measured, and where. */
export function formatHead(seconds: number): string {
  const { devDependencies: versions } = manifest
  const [cpu] = cpus()
  const peers = [
    '@x402/core',
    '@x402/express',
    '@x402/evm',
    '@x402/fetch',
    'mppx',
    'express',
    'hono',
  ] as const
  return `# Benchmarks

\`npm run bench\` on Node ${process.versions.node}, ${cpu?.model.trim()} with ${cpus().length} cores: Coffer ${manifest.version} as built, ${peers.map((name) => `${name} ${versions[name]}`).join(', ')},
viem ${viem.version}. Everything in one run, which took ${(seconds / 60).toFixed(1)} minutes; compare what stands in one table. Targets of times and sizes are for
such a machine; those of ratios for any.
`
}

/** Writes the section of what is done in process. */
export function formatReport(results: readonly Result[], { rounds, roundMs }: Effort): string {
  return `## In process

Everybody in one process. Before anything is timed, everybody has to come to the same verdict on the same input. Microseconds for one run,
medians of ${rounds} rounds of ${roundMs} ms whose order alternates, after a warm-up; processor time of the thread with its fastest and slowest
round, and the time that passed. Ratios are of processor time in the same round.

${formatTable([HEADINGS, ...results.flatMap(rowsOf)], 2)}
`
}

const HEADINGS = ['job', 'who', 'processor', 'range', 'elapsed', 'of Coffer']

function rowsOf({ comparison, measurements }: Result): string[][] {
  return measurements.map(({ contender: { name, note }, cpu, ratio, elapsed }, at) => [
    at === 0 ? comparison.title : '',
    note === undefined ? name : `${name} (${note})`,
    digits(cpu.median),
    `${digits(cpu.min)}-${digits(cpu.max)}`,
    digits(elapsed.median),
    `x ${digits(ratio.median)}`,
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
