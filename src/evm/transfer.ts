import type { Address } from '../payments/address.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { authorizationDigest } from './authorization.ts'
import type { SignedTransfer } from './settler.ts'
import { verifySigner } from './signature.ts'

/** What a transfer has to be. */
export interface Expected {
  /** Base units. */
  readonly amount: bigint
  readonly recipient: Address
  /** Epoch milliseconds. */
  readonly now: number
  /** Whether the answer goes out before the money moves, so that the settler is asked whether it would. */
  readonly settlesLater: boolean
}

/** Seconds that an authorization must still be valid for, so that it can reach a block. The x402 SDK asks the same. */
const MARGIN = 6n

/**
 * Checks an EIP-3009 transfer before anything is sent: recipient, exact value, validity, signature, in this order, the
 * cheap ones first. Returns `null` when it is right. Causes are the x402 SDK's.
 */
export async function checkTransfer(
  transfer: SignedTransfer,
  { amount, recipient, now, settlesLater }: Expected,
): Promise<Refusal | null> {
  const { network, asset, authorization, signature } = transfer
  const { from, to, value, validAfter, validBefore } = authorization
  const seconds = BigInt(Math.floor(now / 1000))
  if (to !== recipient) {
    return refuse('verification-failed', 'The authorization pays somebody else.', {
      expected: recipient,
      got: to,
      cause: 'invalid_exact_evm_recipient_mismatch',
    })
  }
  if (value !== amount) {
    const less = value < amount
    return refuse(
      less ? 'insufficient-payment' : 'verification-failed',
      `The authorization is for ${less ? 'less' : 'more'} than the price.`,
      {
        expected: amount.toString(),
        got: value.toString(),
        cause: 'invalid_exact_evm_payload_authorization_value_mismatch',
      },
    )
  }
  if (validBefore < seconds + MARGIN) {
    return refuse('challenge-expired', 'The authorization has expired, or is about to.', {
      expected: `validBefore of at least ${seconds + MARGIN}`,
      got: validBefore.toString(),
      cause: 'invalid_exact_evm_payload_authorization_valid_before',
    })
  }
  if (validBefore >= 2n ** 256n) {
    return refuse('verification-failed', 'The authorization has a validBefore that no token can read.', {
      expected: 'at most 256 bits',
      cause: 'invalid_exact_evm_payload_authorization_valid_before',
    })
  }
  // The token wants its block to be later than validAfter, not equal.
  if (validAfter >= seconds) {
    return refuse('verification-failed', 'The authorization is not valid yet.', {
      expected: `validAfter below ${seconds}`,
      got: validAfter.toString(),
      cause: 'invalid_exact_evm_payload_authorization_valid_after',
    })
  }
  const digest = authorizationDigest(network.id, asset, authorization)
  const refused = await verifySigner(network.rpc, { payer: from, digest, signature })
  return refused === null && settlesLater && value > 0n ? network.settler.verify(transfer) : refused
}
