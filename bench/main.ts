/**
 * Coffer and its peers side by side: `npm run bench`, or `npm run bench -- --quick` for a first look. Prints one table and
 * writes it to `bench/results.md`.
 */
import { writeFile } from 'node:fs/promises'
import { startEvmChain } from '../test/chains/evm.ts'
import { openComparisons } from './comparisons.ts'
import { type Effort, measure, prove } from './harness.ts'
import { formatReport, type Result } from './report.ts'

const effort: Effort = process.argv.includes('--quick')
  ? { rounds: 5, roundMs: 50, warmUpMs: 200 }
  : { rounds: 15, roundMs: 200, warmUpMs: 1000 }

const chain = await startEvmChain()
try {
  const results: Result[] = []
  for (const comparison of await openComparisons(chain)) {
    console.error(`· ${comparison.title}`)
    await prove(comparison)
    results.push({ comparison, measurements: await measure(comparison, effort) })
  }
  const report = formatReport(results, effort)
  console.log(`\n${report}`)
  await writeFile(new URL('results.md', import.meta.url), report)
} finally {
  await chain.stop()
}
