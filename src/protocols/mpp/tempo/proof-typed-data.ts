import type { TypedData } from '../../../evm/signer.ts'
import type { Proof } from './proof.ts'

/** What a payer's wallet signs for a zero price: {@link proofDigest} is its digest. */
export function proofTypedData({ account, challengeId, realm, chainNumber }: Proof): TypedData {
  return {
    domain: { name: 'MPP', version: '3', chainId: chainNumber },
    types: {
      Proof: [
        { name: 'account', type: 'address' },
        { name: 'challengeId', type: 'string' },
        { name: 'realm', type: 'string' },
      ],
    },
    primaryType: 'Proof',
    message: { account, challengeId, realm },
  }
}
