import { secp256k1 } from '@noble/curves/secp256k1'
import { keccak_256 } from '@noble/hashes/sha3'
import { fromHex, type Hex, toHex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { encodeBytesCall, selectorOf } from './abi.ts'
import { tryCall } from './probe.ts'
import { type Rpc, RpcError } from './rpc.ts'

/** Gas for a contract wallet's `isValidSignature`: enough for passkeys where P-256 is a precompile. */
const SIGNATURE_GAS = 200_000n

const IS_VALID_SIGNATURE = selectorOf('isValidSignature(bytes32,bytes)')

/** EIP-1271: the function's selector, left-aligned in the returned word. */
const MAGIC = BigInt(IS_VALID_SIGNATURE) << 224n

/** EIP-6492: how signatures of wallets that are not deployed yet end. */
const UNDEPLOYED = '6492'.repeat(16)

const SIGNATURE_LENGTH = 2 + 2 * 65

/**
 * The account that made an ECDSA signature, or `null` when there is none that a token would accept: exactly 65 bytes
 * `r s v`, `v` 27 or 28, `s` in the lower half (EIP-2), `r` and `s` within the curve's order and not zero. Some old
 * wallets write `v` as 0 or 1; USDC refuses that, and so do the facilitators, so it is refused before money is sought.
 */
export function recoverSigner(digest: Uint8Array, signature: Hex): Address | null {
  if (signature.length !== SIGNATURE_LENGTH) return null
  const bytes = fromHex(signature)
  const v = bytes[64]
  if (v !== 27 && v !== 28) return null
  try {
    const parsed = secp256k1.Signature.fromBytes(bytes.subarray(0, 64), 'compact')
    if (parsed.hasHighS()) return null
    const key = parsed
      .addRecoveryBit(v - 27)
      .recoverPublicKey(digest)
      .toBytes(false)
    return toHex(keccak_256(key.subarray(1)).subarray(12))
  } catch {
    // The library throws for numbers out of range and for points that are not on the curve.
    return null
  }
}

/** A signature that somebody claims to have made. */
export interface Claim {
  readonly payer: Address
  readonly digest: Uint8Array
  readonly signature: Hex
}

/**
 * Checks that a signature is the payer's: by recovery, without any call, for ordinary accounts; else, when a chain can
 * be asked, by EIP-1271 for payers that are contracts. Returns `null` when it is.
 */
export async function verifySigner(
  rpc: Rpc | null,
  { payer, digest, signature }: Claim,
): Promise<Refusal | null> {
  if (recoverSigner(digest, signature) === payer) return null
  if (signature.endsWith(UNDEPLOYED)) {
    return invalid(
      'The wallet that signed is not deployed yet (EIP-6492): deploy it first.',
      'invalid_exact_evm_payload_undeployed_smart_wallet',
    )
  }
  if (rpc === null) {
    return invalid(
      "The signature is not the payer's, and contract wallets cannot be asked: no RPC is configured.",
    )
  }
  const data = encodeBytesCall(IS_VALID_SIGNATURE, [toHex(digest)], signature)
  try {
    const { hasCode, word } = await tryCall(rpc, { to: payer, data, gas: SIGNATURE_GAS })
    if (hasCode && word === MAGIC) return null
    return invalid(
      hasCode ? "The payer's contract does not accept the signature." : "The signature is not the payer's.",
    )
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    return refuse('settlement-unavailable', `The signature could not be checked. ${error.message}`, {
      retryAfter: 5,
    })
  }
}

function invalid(detail: string, cause = 'invalid_exact_evm_signature'): Refusal {
  return refuse('verification-failed', detail, { cause })
}
