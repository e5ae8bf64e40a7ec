import type { Hex } from '../lib/hex.ts'
import type { Address } from '../payments/address.ts'
import type { Asset } from '../payments/asset.ts'
import { decodeWords, encodeBytesCall, encodeCall, selectorOf, topic, topicOf } from './abi.ts'
import type { Authorization } from './authorization.ts'
import type { Log } from './records.ts'
import { type Rpc, RpcError } from './rpc.ts'

const FIELDS = 'address,address,uint256,uint256,uint256,bytes32'
const TRANSFER_ECDSA = selectorOf(`transferWithAuthorization(${FIELDS},uint8,bytes32,bytes32)`)
const TRANSFER_BYTES = selectorOf(`transferWithAuthorization(${FIELDS},bytes)`)
const BALANCE_OF = selectorOf('balanceOf(address)')
const TRANSFER = topicOf('Transfer(address,address,uint256)')
const USED = topicOf('AuthorizationUsed(address,bytes32)')

/**
 * Call data that submits an authorization. The form with `v, r, s` is known to every EIP-3009 token; newer tokens take
 * the signatures of contract wallets as bytes.
 */
export function transferCall(authorization: Authorization, signature: Hex): Hex {
  const { from, to, value, validAfter, validBefore, nonce } = authorization
  const fields = [from, to, value, validAfter, validBefore, nonce]
  if (signature.length !== 2 + 2 * 65) return encodeBytesCall(TRANSFER_BYTES, fields, signature)
  const [r, s, v] = [signature.slice(2, 66), signature.slice(66, 130), signature.slice(130)]
  return encodeCall(TRANSFER_ECDSA, [...fields, `0x${v}`, `0x${r}`, `0x${s}`])
}

/**
 * Whether logs show this very transfer: this token, this payer, recipient and value, under this nonce. Logs of other
 * contracts count for nothing, whatever they say.
 */
export function showsTransfer(logs: readonly Log[], asset: Asset, authorization: Authorization): boolean {
  const { from, to, value, nonce } = authorization
  const ours = logs.filter(({ address }) => address === asset.address)
  const transfer = [TRANSFER, topic(from), topic(to)].join()
  const use = [USED, topic(from), topic(nonce)].join()
  return (
    ours.some(({ topics, data }) => topics.join() === transfer && decodeWords(data)?.[0] === value) &&
    ours.some(({ topics }) => topics.join() === use)
  )
}

/** Base units that an account holds now. @throws RpcError */
export function balanceOf(rpc: Rpc, asset: Asset, account: Address): Promise<bigint> {
  return readWord(rpc, asset, encodeCall(BALANCE_OF, [account]), 'latest')
}

/** The first word of what a call of the token returns. @throws RpcError */
export async function readWord(rpc: Rpc, asset: Asset, data: Hex, block: string): Promise<bigint> {
  const answer = await rpc.request('eth_call', [{ to: asset.address, data }, block])
  const value = decodeWords(answer)?.[0]
  if (value === undefined)
    throw new RpcError('error', `${asset.symbol} did not answer as an EIP-3009 token does.`)
  return value
}
