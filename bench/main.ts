/**
 * Coffer and its peers side by side.
 *
 * - `npm run bench`: everything, some ten minutes on a quiet machine; prints the report and writes it to `bench/results.md`.
 * - `npm run bench -- http growth`: some groups, printed only.
 * - `npm run bench -- --quick`: everything within a minute, printed only: to see that nothing is far off.
 *
 * Ends with 1 when a group breaks off, or a ratio is worse than half of its target. Times are told and fail nothing: machines
 * differ.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { formatGoals, isFarOff } from './goals.ts'
import type { Group, Section } from './group.ts'
import { groups } from './groups.ts'
import { formatHead } from './report.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !groups.some((group) => group.name === name))
if (unknown.length > 0) {
  console.error(`no group ${unknown.join(', ')}; there are ${groups.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

const begin = performance.now()
const secondsSince = (at: number): number => (performance.now() - at) / 1000
const sections: Section[] = []
for (const group of groups) {
  if (positionals.length > 0 && !positionals.includes(group.name)) continue
  const started = performance.now()
  console.error(`== ${group.name}`)
  sections.push(await group.run(values.quick ? 'quick' : 'full').catch((error) => broken(group, error)))
  console.error(`== ${group.name}: ${secondsSince(started).toFixed(1)} s`)
}
const isWhole = sections.length === groups.length && !sections.some(({ isBroken }) => isBroken)
const goals = sections.flatMap((section) => section.goals)
const texts = sections.map(({ text }) => text)
const report = [formatHead(secondsSince(begin)), ...texts, `## Targets\n\n${formatGoals(goals)}\n`].join('\n')
console.log(`\n${report}`)
if (!values.quick && isWhole) await writeFile(new URL('results.md', import.meta.url), report)
if (goals.some(isFarOff)) process.exitCode = 1

/** What there is to tell of a group that broke off: the others go on. */
function broken({ name }: Group, error: unknown): Section {
  console.error(error)
  const goal = { name, got: 1, most: 0, unit: ' errors', isPortable: true }
  return { text: `## ${name}\n\nBroke off: ${error}\n`, goals: [goal], isBroken: true }
}
