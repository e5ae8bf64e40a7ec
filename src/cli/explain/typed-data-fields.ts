import type { Asset, TypedData } from '../../client.ts'
import { type Field, showTime } from '../show/field-list.ts'
import { showNetwork } from '../show/network-name.ts'
import { showUnits } from '../show/token-name.ts'

const DOMAIN: Readonly<Record<string, string>> = {
  name: 'name that the token has for signatures',
  version: 'version that the token has for signatures',
  verifyingContract: 'contract that the signature is for',
}

const MESSAGE: Readonly<Record<string, string>> = {
  from: 'who pays',
  to: 'who is paid',
  account: 'who proves that it holds this account',
  challengeId: 'challenge that the proof answers',
  realm: 'who asks',
  nonce: 'good once: the token takes each from a payer only one time',
}

/** What a wallet is asked to sign (EIP-712), member by member. */
export function typedDataFields({ domain, primaryType, message }: TypedData, asset: Asset | null): Field[] {
  const { chainId, ...named } = domain
  return [
    { name: 'primaryType', value: primaryType, meaning: KINDS[primaryType] ?? '' },
    { name: 'domain.chainId', value: String(chainId), meaning: showNetwork(`eip155:${chainId}`) },
    ...Object.entries(named).map(([name, value]) => ({
      name: `domain.${name}`,
      value: String(value),
      meaning: DOMAIN[name] ?? '',
    })),
    ...Object.entries(message).map(([name, value]) => ({
      name: `message.${name}`,
      value: String(value),
      meaning: meaningOf(name, value, asset),
    })),
  ]
}

const KINDS: Readonly<Record<string, string>> = {
  TransferWithAuthorization: 'whoever has the signature may move this money, once (EIP-3009)',
  Proof: 'moves no money: it proves an account, for a price of zero',
}

function meaningOf(name: string, value: unknown, asset: Asset | null): string {
  if (name === 'value' && typeof value === 'bigint') return showUnits(value, asset)
  if (name === 'validAfter')
    return value === 0n ? 'good at once' : `good from ${showTime(1000 * Number(value))}`
  if (name === 'validBefore') return `good until ${showTime(1000 * Number(value))}`
  return MESSAGE[name] ?? ''
}
