/**
 * Coffer and its peers side by side: `npm run bench`, or `npm run bench -- --quick` for a first look. Prints one table and
 * writes it to `bench/results.md`.
 */
import { writeFile } from 'node:fs/promises'
import { runEventLoad } from '../test/api/event-load.ts'
import { startEvmChain } from '../test/chains/evm.ts'
import { openComparisons } from './comparisons.ts'
import { type Effort, measure, prove } from './harness.ts'
import { formatReport, type Result } from './report.ts'
import { reportStorage } from './storage.ts'
import { formatStreams } from './stream-report.ts'
import { measureStreams } from './streams.ts'

const isQuick = process.argv.includes('--quick')
const effort: Effort = isQuick
  ? { rounds: 5, roundMs: 50, warmUpMs: 200 }
  : { rounds: 15, roundMs: 200, warmUpMs: 1000 }
const streamEffort = isQuick ? { single: 20, delivered: 50_000 } : { single: 100, delivered: 400_000 }
const load = { events: isQuick ? 500 : 10_000, writers: 2, subscribers: 200 }

const chain = await startEvmChain()
try {
  const results: Result[] = []
  for (const comparison of await openComparisons(chain)) {
    console.error(`· ${comparison.title}`)
    await prove(comparison)
    results.push({ comparison, measurements: await measure(comparison, effort) })
  }
  const streams = []
  for (const count of [10, 100, 1000]) {
    console.error(`· ${count} event streams`)
    streams.push(await measureStreams(count, streamEffort))
  }
  console.error(`· ${load.events} events to ${load.subscribers} subscribers`)
  const loaded = { ...load, ...(await runEventLoad(load)) }
  const storage = await reportStorage(isQuick ? 20 : 200)
  const report = [formatReport(results, effort), formatStreams(streams, loaded), storage].join('\n')
  console.log(`\n${report}`)
  await writeFile(new URL('results.md', import.meta.url), report)
} finally {
  await chain.stop()
}
