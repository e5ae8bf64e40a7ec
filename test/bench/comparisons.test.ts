import { afterAll, beforeAll, expect, it } from 'vitest'
import { openComparisons } from '../../bench/comparisons.ts'
import { type Comparison, measure, prove } from '../../bench/harness.ts'
import { formatReport } from '../../bench/report.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'

const ONCE = { rounds: 1, roundMs: 0, warmUpMs: 0 }

let chain: EvmChain
let comparisons: readonly Comparison[]

beforeAll(async () => {
  chain = await startEvmChain()
  comparisons = await openComparisons(chain)
})

afterAll(() => chain.stop())

it('has everybody come to the same verdicts', async () => {
  for (const comparison of comparisons) await prove(comparison)
})

it('refuses to compare those who do not', async () => {
  const [comparison] = comparisons
  if (comparison === undefined) throw new Error('nothing is compared')
  const lazy = { name: 'lazy', prepare: () => () => 'fine' }
  await expect(prove({ ...comparison, contenders: [lazy] })).rejects.toThrow('lazy says fine, not 402')
})

it('measures and reports everybody', async () => {
  const results = []
  for (const comparison of comparisons) {
    results.push({ comparison, measurements: await measure(comparison, ONCE) })
  }
  const report = formatReport(results, ONCE)
  for (const { title, contenders } of comparisons) {
    expect(report).toContain(`| ${title}`)
    for (const { name } of contenders) expect(report).toContain(`| ${name}`)
  }
})
