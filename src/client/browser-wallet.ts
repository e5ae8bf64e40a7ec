import { attempt, type Signer, type TypedData } from '../evm/signer.ts'
import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import { parseAddress } from '../payments/address.ts'
import { CofferError } from '../problems/error.ts'
import type { Eip1193Provider } from './wallet.ts'

/**
 * Asks a browser's wallet who pays, and makes a signer of it.
 *
 * @throws CofferError `signing-failed` when it does not say.
 */
export async function connect(provider: Eip1193Provider): Promise<Signer> {
  const accounts = await provider.request({ method: 'eth_requestAccounts' }).catch((cause: unknown) => {
    throw new CofferError('signing-failed', 'the wallet did not say who pays', { cause })
  })
  const address = parseAddress(Array.isArray(accounts) ? accounts[0] : null)
  if (address === null) throw new CofferError('signing-failed', 'the wallet has no account')
  const sign = (method: string, params: readonly unknown[]) =>
    attempt(() => provider.request({ method, params }))
  return {
    address,
    signTypedData: (data) => sign('eth_signTypedData_v4', [address, typedDataJson(data)]),
    signMessage: ({ message }) => sign('personal_sign', [toHex(utf8(message)), address]),
  }
}

/** Typed data as wallets take it: the domain has a type too, and integers are text. */
function typedDataJson({ types, ...data }: TypedData): string {
  const { name, version, chainId, verifyingContract } = data.domain
  const members = { name, version, chainId, verifyingContract }
  const kinds = { name: 'string', version: 'string', chainId: 'uint256', verifyingContract: 'address' }
  const domainType = Object.entries(kinds)
    .filter(([member]) => members[member as keyof typeof members] !== undefined)
    .map(([member, type]) => ({ name: member, type }))
  return JSON.stringify({ ...data, types: { EIP712Domain: domainType, ...types } }, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
}
