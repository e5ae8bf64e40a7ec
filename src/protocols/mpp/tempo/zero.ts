import type { Hex } from '../../../lib/hex.ts'
import { chainNumberOf } from '../../../payments/chain.ts'
import { isRefusal, type Refusal, refuse } from '../../../problems/refusal.ts'
import type { Payload } from '../method.ts'
import { type Context, payloadOf, readSource, wrongSource } from './context.ts'
import { isSigned } from './proof.ts'

/** There is nothing to pay: the payer signed that it is the one who asks. */
export async function verifyZero(signature: Hex, context: Context): Promise<Payload | Refusal> {
  const { chain, challengeId, realm, rpc } = context
  const account = readSource(context) ?? wrongSource(chain)
  if (isRefusal(account)) return account
  const chainNumber = chainNumberOf(chain)
  if (!(await isSigned({ account, challengeId, realm, chainNumber }, signature, rpc))) {
    return refuse('verification-failed', 'The signature is not of the account in source.', {
      expected: account,
    })
  }
  return {
    ...payloadOf(context),
    payer: account,
    proofs: [],
    evidence: {},
    deferred: null,
    settle: async () => ({ outcome: 'settled', transaction: null, block: null }),
  }
}
