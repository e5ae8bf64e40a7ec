import { type EvmChain, startEvmChain } from '../test/chains/evm.ts'
import { mppAuthorization, x402Authorization } from './authorizations.ts'
import { challengeId } from './challenge-ids.ts'
import type { Goal } from './goals.ts'
import type { Group, Pace } from './group.ts'
import { type Comparison, type Effort, measure, prove } from './harness.ts'
import { formatReport, type Result } from './report.ts'
import { unpaid } from './unpaid.ts'

const EFFORTS: Readonly<Record<Pace, Effort>> = {
  full: { rounds: 15, roundMs: 200, warmUpMs: 1000 },
  quick: { rounds: 5, roundMs: 30, warmUpMs: 150 },
  once: { rounds: 1, roundMs: 20, warmUpMs: 0 },
}

/** What Coffer and its peers do in process. */
export const comparisons: Group = {
  name: 'in-process',
  async run(pace) {
    const chain = await startEvmChain()
    try {
      const results: Result[] = []
      for (const comparison of await openComparisons(chain)) {
        await prove(comparison)
        results.push({ comparison, measurements: await measure(comparison, EFFORTS[pace]) })
      }
      return { text: formatReport(results, EFFORTS[pace]), goals: results.flatMap(goalsOf) }
    } finally {
      await chain.stop()
    }
  },
}

/** Everything that is measured, in the order of the table. */
export async function openComparisons(chain: EvmChain): Promise<readonly Comparison[]> {
  return [...unpaid, await x402Authorization(chain), await mppAuthorization(chain), await challengeId(chain)]
}

function goalsOf({ comparison, measurements }: Result): Goal[] {
  return measurements.slice(1).flatMap(({ contender: { name, target = 1 }, ratio }) => {
    const goal = {
      name: `in-process: ${comparison.title}, ${name}`,
      got: ratio.median,
      unit: ' x Coffer',
      isPortable: true,
    }
    return target === null ? [] : [{ ...goal, least: target }]
  })
}
