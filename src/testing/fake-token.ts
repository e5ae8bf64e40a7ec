import { decodeWords, selectorOf, topic, topicOf } from '../evm/abi.ts'
import { type Authorization, authorizationDigest } from '../evm/authorization.ts'
import { recoverSigner } from '../evm/signature.ts'
import type { Hex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import type { Asset } from '../payments/asset.ts'
import type { ChainId } from '../payments/chain.ts'
import type { FakeLog } from './fake-records.ts'

/** A token with EIP-3009, kept in this process's memory. It knows no contract wallets. */
export interface FakeToken {
  /** Base units of an account. */
  balanceOf(account: Address): bigint
  /** Creates base units. */
  mint(to: Address, amount: bigint): void
  /** Whether an authorization was used, as of a block. */
  isSpent(payer: Address, nonce: Hex, block: bigint): boolean
  /** Why a transfer would be reverted at a time (epoch seconds), in the words of Circle's contract; `null` when it would not. */
  refusal(transfer: AuthorizedTransfer, timestamp: bigint): string | null
  /** Makes a transfer that is not refused, in a block. Returns what the token says of it. */
  transfer(transfer: AuthorizedTransfer, block: bigint): readonly FakeLog[]
}

/** A call of `transferWithAuthorization`. */
export interface AuthorizedTransfer {
  readonly authorization: Authorization
  readonly signature: Hex
}

const FIELDS = 'address,address,uint256,uint256,uint256,bytes32'
const BY_PARTS = selectorOf(`transferWithAuthorization(${FIELDS},uint8,bytes32,bytes32)`)
const BY_BYTES = selectorOf(`transferWithAuthorization(${FIELDS},bytes)`)
const TRANSFER = topicOf('Transfer(address,address,uint256)')
const USED = topicOf('AuthorizationUsed(address,bytes32)')

/** Makes a token without holders. */
export function createFakeToken(chain: ChainId, asset: Asset): FakeToken {
  const balances = new Map<Address, bigint>()
  /** Block in which an authorization was used, by payer and nonce. */
  const used = new Map<string, bigint>()
  const nameOf = (payer: Address, nonce: Hex): string => `${payer}/${nonce.toLowerCase()}`
  const balanceOf = (account: Address): bigint => balances.get(lower(account)) ?? 0n

  function add(account: Address, amount: bigint): void {
    balances.set(lower(account), balanceOf(account) + amount)
  }

  return {
    balanceOf,
    mint: add,
    isSpent: (payer, nonce, block) => (used.get(nameOf(payer, nonce)) ?? block + 1n) <= block,
    refusal({ authorization, signature }, timestamp) {
      const { from, value, validAfter, validBefore, nonce } = authorization
      if (timestamp <= validAfter) return 'FiatTokenV2: authorization is not yet valid'
      if (timestamp >= validBefore) return 'FiatTokenV2: authorization is expired'
      if (used.has(nameOf(from, nonce))) return 'FiatTokenV2: authorization is used or canceled'
      const signer = recoverSigner(authorizationDigest(chain, asset, authorization), signature)
      if (signer !== from) return 'FiatTokenV2: invalid signature'
      return balanceOf(from) < value ? 'ERC20: transfer amount exceeds balance' : null
    },
    transfer({ authorization: { from, to, value, nonce } }, block) {
      used.set(nameOf(from, nonce), block)
      add(from, -value)
      add(to, value)
      return [
        { address: asset.address, topics: [USED, topic(from), topic(nonce)], data: '0x' },
        { address: asset.address, topics: [TRANSFER, topic(from), topic(to)], data: topic(value) },
      ]
    },
  }
}

/** Reads call data, as `transferCall` of this package and every other client writes it; `null` for any other call. */
export function readTransferCall(data: Hex): AuthorizedTransfer | null {
  const selector = data.slice(0, 10)
  const words = decodeWords(`0x${data.slice(10)}`)?.map(topic)
  if (words === undefined) return null
  const [from, to, value, validAfter, validBefore, nonce, ...rest] = words
  if (!from || !to || !value || !validAfter || !validBefore || !nonce) return null
  const signature = selector === BY_PARTS ? joinParts(rest) : selector === BY_BYTES ? joinBytes(rest) : null
  return (
    signature && {
      authorization: {
        from: addressOf(from),
        to: addressOf(to),
        value: BigInt(value),
        validAfter: BigInt(validAfter),
        validBefore: BigInt(validBefore),
        nonce,
      },
      signature,
    }
  )
}

function joinParts([v, r, s]: readonly Hex[]): Hex | null {
  return v && r && s ? `0x${r.slice(2)}${s.slice(2)}${v.slice(-2)}` : null
}

function joinBytes([_offset, length, ...words]: readonly Hex[]): Hex | null {
  const bytes = words.map((word) => word.slice(2)).join('')
  return length === undefined ? null : `0x${bytes.slice(0, 2 * Number(length))}`
}

const addressOf = (word: Hex): Address => `0x${word.slice(-40)}`
const lower = (account: Address): Address => account.toLowerCase() as Address
