import { keccak_256 } from '@noble/hashes/sha3.js'
import { concatBytes } from '../lib/body.ts'
import { utf8 } from '../lib/bytes.ts'
import type { Hex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import type { Asset } from '../payments/asset.ts'
import { type ChainId, chainNumberOf } from '../payments/chain.ts'
import { invalidOption } from '../problems/error.ts'
import { wordsBytes } from './abi.ts'
import type { TypedData } from './signer.ts'

/** The six fields that a payer signs for `transferWithAuthorization` (EIP-3009). Times in epoch seconds. */
export interface Authorization {
  readonly from: Address
  readonly to: Address
  readonly value: bigint
  readonly validAfter: bigint
  readonly validBefore: bigint
  /** 32 random bytes in lower case; the token accepts each once per payer. */
  readonly nonce: Hex
}

// Clients never compute a digest: marked so that bundlers leave out what only that needs.
const DOMAIN_TYPE = /* @__PURE__ */ keccak_256(
  /* @__PURE__ */ utf8('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'),
)

const TRANSFER_FIELDS = [
  { name: 'from', type: 'address' },
  { name: 'to', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'validAfter', type: 'uint256' },
  { name: 'validBefore', type: 'uint256' },
  { name: 'nonce', type: 'bytes32' },
] as const

const TRANSFER_TYPE = /* @__PURE__ */ keccak_256(
  /* @__PURE__ */ utf8(
    'TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)',
  ),
)

/** Domain separators by asset and chain: they are constant, and half the cost of a digest. */
const separators = new WeakMap<Asset, Map<ChainId, Uint8Array>>()

/**
 * What the payer signs: the EIP-712 digest of a TransferWithAuthorization of this asset on this chain.
 *
 * @throws CofferError `invalid-option` when the asset has no EIP-712 domain.
 */
export function authorizationDigest(chain: ChainId, asset: Asset, authorization: Authorization): Uint8Array {
  const { from, to, value, validAfter, validBefore, nonce } = authorization
  const fields = wordsBytes([from, to, value, validAfter, validBefore, nonce])
  const struct = keccak_256(concatBytes([TRANSFER_TYPE, fields]))
  return keccak_256(concatBytes([Uint8Array.of(0x19, 0x01), domainSeparator(chain, asset), struct]))
}

/**
 * The same for a wallet, which computes the digest itself.
 *
 * @throws CofferError `invalid-option` when the asset has no EIP-712 domain.
 */
export function authorizationTypedData(
  chain: ChainId,
  asset: Asset,
  authorization: Authorization,
): TypedData {
  return {
    domain: { ...domainOf(asset), chainId: chainNumberOf(chain), verifyingContract: asset.address },
    types: { TransferWithAuthorization: TRANSFER_FIELDS },
    primaryType: 'TransferWithAuthorization',
    message: { ...authorization },
  }
}

function domainOf({ eip712 }: Asset): { readonly name: string; readonly version: string } {
  return eip712 ?? invalidOption('asset.eip712', "the token's EIP-712 domain")
}

function domainSeparator(chain: ChainId, asset: Asset): Uint8Array {
  const byChain = separators.get(asset) ?? new Map<ChainId, Uint8Array>()
  separators.set(asset, byChain)
  const known = byChain.get(chain)
  if (known !== undefined) return known
  const { name, version } = domainOf(asset)
  const separator = keccak_256(
    concatBytes([
      DOMAIN_TYPE,
      keccak_256(utf8(name)),
      keccak_256(utf8(version)),
      wordsBytes([BigInt(chainNumberOf(chain)), asset.address]),
    ]),
  )
  byChain.set(chain, separator)
  return separator
}
