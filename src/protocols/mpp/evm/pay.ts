import { authorizationTypedData } from '../../../evm/authorization.ts'
import { signTypedData } from '../../../evm/signer.ts'
import type { JsonObject } from '../../../lib/json.ts'
import type { Address } from '../../../payments/address.ts'
import { MAX_VALIDITY_SECONDS, type Signed, type Signing } from '../../payer.ts'
import type { ChargeRequest } from '../charge-request.ts'
import { nonceOf } from './nonce.ts'

/** Whether a charge is paid by an authorization; else, why not. */
export function checkAuthorization({ methodDetails, splits }: ChargeRequest): string | null {
  const types = methodDetails['credentialTypes']
  if (!Array.isArray(types) || !types.includes('authorization')) {
    return 'The evm method takes no authorization.'
  }
  return splits.length === 0 ? null : 'An authorization cannot be split.'
}

/** Pays with an EIP-3009 authorization for this very challenge (draft-evm-charge-00 section 6.3). */
export async function signAuthorization(
  { challenge, chain, amount, recipient, expiresAt }: ChargeRequest,
  { signer, asset, now }: Signing,
): Promise<Omit<Signed, 'field'> & { readonly payload: JsonObject }> {
  const seconds = Math.floor(now / 1000)
  const end = expiresAt === null ? Number.POSITIVE_INFINITY : Math.floor(expiresAt / 1000)
  const validBefore = BigInt(Math.min(end, seconds + MAX_VALIDITY_SECONDS))
  const nonce = nonceOf(challenge.id, challenge.realm)
  const from = signer.address.toLowerCase() as Address
  const authorization = { from, to: recipient, value: amount, validAfter: 0n, validBefore, nonce }
  const signature = await signTypedData(signer, authorizationTypedData(chain, asset, authorization))
  return {
    payload: {
      type: 'authorization',
      from,
      to: recipient,
      value: amount.toString(),
      validAfter: '0',
      validBefore: validBefore.toString(),
      nonce,
      signature,
    },
    evidence:
      amount === 0n
        ? { kind: 'signature' }
        : { kind: 'authorization', nonce, validBefore: validBefore.toString() },
  }
}
