import { signTypedData } from '../../../evm/signer.ts'
import { isHex } from '../../../lib/hex.ts'
import type { JsonObject } from '../../../lib/json.ts'
import type { Address } from '../../../payments/address.ts'
import { chainNumberOf } from '../../../payments/chain.ts'
import type { Signed, Signing } from '../../payer.ts'
import type { ChargeRequest } from '../charge-request.ts'
import { proofTypedData } from './proof-typed-data.ts'

/** What pays a charge, and what to keep of it. */
export type Payment = Omit<Signed, 'field'> & { readonly payload: JsonObject }

/** Whether a charge can be paid; else, why not. */
export function checkTempo({ amount, splits, methodDetails }: ChargeRequest): string | null {
  const { supportedModes: modes } = methodDetails
  if (
    modes !== undefined &&
    !(Array.isArray(modes) && modes.some((mode) => mode === 'pull' || mode === 'push'))
  )
    return 'The tempo method takes neither a transaction nor a hash.'
  if (!splits.every(({ memo }) => memo === null || isHex(memo, 32))) return 'A split has a malformed memo.'
  return amount === 0n && splits.length > 0 ? 'A zero price cannot be split.' : null
}

/** Pays on Tempo (draft-tempo-charge-00): a zero price by a proof, any other by a transaction, sent by either side. */
export async function signTempo(charge: ChargeRequest, signing: Signing): Promise<Payment> {
  if (charge.amount === 0n) return signProof(charge, signing)
  // Transactions take a chain library, which nobody else has to load.
  const { signTransfer } = await import('./payer-transaction.ts')
  return signTransfer(charge, signing)
}

async function signProof({ challenge, chain }: ChargeRequest, { signer }: Signing): Promise<Payment> {
  const account = signer.address.toLowerCase() as Address
  const { id: challengeId, realm } = challenge
  const proof = { account, challengeId, realm, chainNumber: chainNumberOf(chain) }
  const signature = await signTypedData(signer, proofTypedData(proof))
  return { payload: { type: 'proof', signature }, evidence: { kind: 'signature' } }
}
