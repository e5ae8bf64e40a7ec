import { goalCells } from './goals.ts'
import { type GrowthEffort, type GrowthResult, ROWS_EACH } from './growth.ts'
import { digits, formatTable } from './report.ts'

/** Writes the section of growth. */
export function formatGrowth(
  results: readonly GrowthResult[],
  absent: readonly string[],
  { rounds, sizes }: GrowthEffort,
): string {
  const counts = sizes.map((size) => (size * ROWS_EACH).toLocaleString('en').replaceAll(',', ' '))
  const headings = ['engine', 'job', ...counts.map((count) => `${count} rows`), 'growth', 'target', 'reached']
  const rows = results.map(({ engine, job, times, goal }, at) => [
    results[at - 1]?.engine === engine ? '' : engine,
    job,
    ...times.map(digits),
    `x ${digits(goal.got)}`,
    ...goalCells(goal),
  ])
  return `## Growth

Microseconds that passed for one call, in stores with so many rows: those of paid requests with a session, a vault and an event, ${ROWS_EACH} each.
Sessions, vaults and pages of payments are any of them. Medians of ${rounds} rounds in which the stores take turns.

${formatTable([headings, ...rows], 2)}
${absent.map((engine) => `\n${engine}: not here.\n`).join('')}`
}
