import { keccak_256 } from '@noble/hashes/sha3.js'
import { fromHex, type Hex, toHex } from '../../../lib/hex.ts'
import { type JsonObject, parseJsonObject } from '../../../lib/json.ts'
import { type Address, parseAddress } from '../../../payments/address.ts'
import { type Refusal, refuse } from '../../../problems/refusal.ts'

/** A signed Tempo transaction: read, but neither its signature nor its effect believed. */
export interface SignedTransaction {
  /** Its one canonical encoding: nodes hash that, however the client wrote it. */
  readonly raw: Hex
  readonly hash: Hex
  readonly sender: Address
  readonly chainNumber: number
  readonly calls: readonly Call[]
  /** End of its validity, epoch seconds; `null` when it stays valid until its nonce is used. */
  readonly validBefore: number | null
  /** Whether the sender was recovered from the signature; of passkeys and access keys only the chain can tell. */
  readonly isRecovered: boolean
  /** The same transaction as an argument of `eth_call`. */
  readonly trial: JsonObject
}

/** One of the calls that a transaction makes, all or none. */
export interface Call {
  readonly to?: Hex | undefined
  readonly data?: Hex | undefined
}

/** Reads a transaction. Loads the chain library on first use. */
export async function readTransaction(raw: Hex): Promise<SignedTransaction | Refusal> {
  // Nodes take type 2 as well, where other rules hold for nonces and fees. 0x78 is half a transaction: it waits for a
  // sponsor, and none was offered.
  if (!raw.toLowerCase().startsWith('0x76')) return unfit(`type ${raw.slice(0, 4)}`)
  const { Formatters, Transaction } = await import('viem/tempo')
  try {
    const transaction = Transaction.deserialize(raw as `0x76${string}`)
    const { signature, feePayerSignature, ...request } = transaction
    const sender = parseAddress(request.from)
    if (signature === undefined || sender === null) return unfit('no signature')
    if (feePayerSignature === null) return unfit('one that waits for a sponsor')
    const canonical = await Transaction.serialize(transaction)
    // Through text, because the library leaves members that are undefined.
    const trial = parseJsonObject(JSON.stringify(Formatters.formatTransactionRequest(request)))
    if (trial === null) return malformed()
    return {
      raw: canonical,
      hash: toHex(keccak_256(fromHex(canonical))),
      sender,
      chainNumber: request.chainId,
      calls: request.calls,
      validBefore: request.validBefore ?? null,
      isRecovered: signature.type === 'secp256k1',
      trial,
    }
  } catch {
    // The library throws for whatever is not well-formed, and may name the bytes.
    return malformed()
  }
}

function unfit(got: string): Refusal {
  return refuse('verification-failed', 'The transaction is not one that can be sent as it is.', {
    expected: 'a signed Tempo transaction (type 0x76) that pays its own fees',
    got,
  })
}

function malformed(): Refusal {
  return refuse('malformed-credential', 'The credential has no valid payload.signature.', {
    expected: 'an encoded Tempo transaction',
  })
}
