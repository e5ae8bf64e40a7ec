import { decodeBase64urlText } from '../lib/base64.ts'
import { isHex } from '../lib/hex.ts'
import { parseJsonObject } from '../lib/json.ts'
import { type Address, parseAddress } from '../payments/address.ts'

/** Longest token that is read, in characters. Real ones have about 700. */
const MAX_TOKEN = 8192

/** A session token whose signature is right: this payer names that payment. */
export interface SessionToken {
  readonly payer: Address
  /** Hash of the transaction that paid. */
  readonly transaction: string
  /** Host of the URL that it was signed for; `null` when it names none. */
  readonly host: string | null
}

/**
 * Reads a client-signed session token: base64url of JSON, a point, and an EIP-191 signature. Clients sign the JSON or its
 * base64url; both are accepted, since one determines the other.
 *
 * @returns `null` for anything but a token that the wallet it names has signed.
 */
export async function readSessionToken(text: string): Promise<SessionToken | null> {
  const [encoded = '', signature, ...more] = text.length <= MAX_TOKEN ? text.split('.') : []
  if (more.length > 0 || !isHex(signature, 65)) return null
  const json = decodeBase64urlText(encoded)
  const claims = json === null ? null : parseJsonObject(json)
  if (json === null || claims === null) return null
  // Of its other members (scope, times, amount) nothing is believed: our own record decides. Only the server that it is for is
  // taken from it, since another one may have had it signed, for a payment that was made here.
  const payer = parseAddress(claims['walletAddress'])
  const transaction = String(claims['paymentTxHash']).toLowerCase()
  if (payer === null || !isHex(transaction, 32)) return null
  // Loaded when a token comes: most shops see none, and curves are a quarter of the core.
  const { recoverSigner, personalDigest } = await import('../evm/signature.ts')
  const isSigned = [json, encoded].some(
    (message) => recoverSigner(personalDigest(message), signature) === payer,
  )
  return isSigned ? { payer, transaction, host: URL.parse(String(claims['endpoint']))?.host ?? null } : null
}
