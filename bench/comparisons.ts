import type { EvmChain } from '../test/chains/evm.ts'
import { mppAuthorization, x402Authorization } from './authorizations.ts'
import { challengeId } from './challenge-ids.ts'
import type { Comparison } from './harness.ts'
import { unpaid } from './unpaid.ts'

/** Everything that is measured, in the order of the table. */
export async function openComparisons(chain: EvmChain): Promise<readonly Comparison[]> {
  return [...unpaid, await x402Authorization(chain), await mppAuthorization(chain), await challengeId(chain)]
}
