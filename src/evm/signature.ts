import { keccak_256 } from '@noble/hashes/sha3.js'
import { utf8 } from '../lib/bytes.ts'
import { fromHex, type Hex, toHex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import { type Refusal, refuse } from '../problems/refusal.ts'
import { encodeBytesCall, selectorOf } from './abi.ts'
import { tryCall } from './probe.ts'
import { fastestRecovery, type Recovery } from './recovery.ts'
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
export function recoverSigner(
  digest: Uint8Array,
  signature: Hex,
  recovery: Recovery = fastestRecovery(),
): Address | null {
  if (signature.length !== SIGNATURE_LENGTH || digest.length !== 32) return null
  const bytes = fromHex(signature)
  const v = bytes[64]
  if (v !== 27 && v !== 28) return null
  if (isHigh(bytes.subarray(32, 64))) return null
  const key = recovery.recover(digest, bytes.subarray(0, 64), v === 27 ? 0 : 1)
  return key && toHex(keccak_256(key.subarray(1)).subarray(12))
}

/** Whether 32 bytes are more than half of the curve's order. */
function isHigh(s: Uint8Array): boolean {
  for (const [at, byte] of HALF_ORDER.entries()) {
    const other = s[at] ?? 0
    if (other !== byte) return other > byte
  }
  return false
}

const HALF_ORDER = fromHex('0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0')

/** What a wallet signs for a message (EIP-191, version 0x45). */
export function personalDigest(message: string): Uint8Array {
  const bytes = utf8(message)
  return keccak_256(new Uint8Array([...utf8(`\x19Ethereum Signed Message:\n${bytes.length}`), ...bytes]))
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
