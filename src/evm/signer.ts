import { type Hex, isHex } from '../lib/hex.ts'
import { CofferError } from '../problems/error.ts'

/**
 * Who signs for a payer: an account of viem as it is, or anything with the same members, such as a key management
 * service. Its key is never asked for.
 */
export interface Signer {
  /** The account that pays. */
  readonly address: Hex
  /** Signs typed data (EIP-712). Pays where a signature is enough: x402, MPP `evm`, a zero price on Tempo. */
  signTypedData(data: TypedData): Promise<Hex>
  /** Signs a text (EIP-191). Without it there are no client-signed session tokens. */
  signMessage?(parameters: { readonly message: string }): Promise<Hex>
  /**
   * Signs a transaction in the encoding of the serializer, and does not send it. Without it nothing is paid on Tempo but
   * a price of zero.
   */
  signTransaction?(
    transaction: object,
    options?: { readonly serializer?: Serializer | undefined },
  ): Promise<Hex>
}

/** Typed data as EIP-712 has it. Integers of the message are bigints; the type of the domain goes without saying. */
export interface TypedData {
  readonly domain: {
    readonly name: string
    readonly version: string
    readonly chainId: number
    readonly verifyingContract?: Hex
  }
  readonly types: Readonly<Record<string, readonly TypedDataField[]>>
  readonly primaryType: string
  readonly message: Readonly<Record<string, unknown>>
}

/** A member of a type of {@link TypedData}. */
export interface TypedDataField {
  readonly name: string
  readonly type: string
}

/** Encodes a transaction, to be signed or with its signature: one of viem's. */
export type Serializer = (transaction: never, signature?: never) => Hex | Promise<Hex>

/**
 * Has typed data signed. Some wallets end an ECDSA signature with 0 or 1, which tokens refuse: it becomes 27 or 28.
 *
 * @throws CofferError `signing-failed` when the wallet refuses, fails, or returns something else.
 */
export async function signTypedData(signer: Signer, data: TypedData): Promise<Hex> {
  const signature = await attempt(() => signer.signTypedData(data))
  const isEcdsa = isHex(signature, 65)
  return isEcdsa && /0[01]$/.test(signature)
    ? `${signature.slice(0, -2) as Hex}${signature.endsWith('0') ? '1b' : '1c'}`
    : signature
}

/**
 * Runs what a wallet does.
 *
 * @throws CofferError `signing-failed`.
 */
export async function attempt(sign: () => Promise<unknown>): Promise<Hex> {
  let signature: unknown
  try {
    signature = await sign()
  } catch (cause) {
    throw new CofferError('signing-failed', 'the wallet did not sign', { cause })
  }
  if (isHex(signature) && signature.length > 2) return signature
  throw new CofferError('signing-failed', 'the wallet returned no signature')
}
