import type { Hex } from '../../../lib/hex.ts'
import { chainNumberOf } from '../../../payments/chain.ts'
import { isRefusal, type Refusal, refuse } from '../../../problems/refusal.ts'
import type { Payload } from '../method.ts'
import { type Context, payloadOf, readSource, wrongSource } from './context.ts'
import { isSigned } from './proof.ts'

/** There is nothing to pay: the payer signed that it is the one who asks. */
export async function verifyProof(
  signature: Hex,
  { chain, rpc, asset, terms, source, challengeId, realm }: Context,
): Promise<Payload | Refusal> {
  const payer = source === null ? null : parseSource(source)
  if (payer === null || payer.chain !== chain) return wrongSource(chain)
  const { address: account } = payer
  if (!(await isSigned({ account, challengeId, realm, chainNumber: chainNumberOf(chain) }, signature, rpc))) {
    return refuse('verification-failed', 'The signature is not of the account in source.', {
      expected: account,
    })
  }
  return {
    ...payloadOf(asset, terms),
    payer: account,
    proofs: [],
    evidence: {},
    deferred: null,
    settle: async () => ({ outcome: 'settled', transaction: null, block: null }),
  }
}
