import type { Asset } from '../../client.ts'
import { type Field, meaningsOf, showSeconds } from '../show/field-list.ts'
import { showUnits } from '../show/token-name.ts'

/** What a transaction of Tempo does, member by member. */
export function transactionFields(
  transaction: Readonly<Record<string, unknown>>,
  token: Asset | null,
): readonly Field[] {
  const { calls, ...others } = transaction
  const list: readonly unknown[] = Array.isArray(calls) ? calls : []
  return [
    ...list.flatMap((call, at) => callFields(Object(call), `call ${at + 1}`, token)),
    ...Object.entries(others).flatMap(([name, value]) => otherField(name, value)),
  ]
}

const SELECTORS: Readonly<Record<string, string>> = {
  a9059cbb: 'transfer',
  '95777d59': 'transferWithMemo',
}

function callFields(call: object, name: string, token: Asset | null): readonly Field[] {
  const { to, data } = { to: '', data: '0x', ...call }
  const [, selector = '', words = ''] = /^0x([0-9a-f]{8})([0-9a-f]*)$/i.exec(String(data)) ?? []
  const kind = SELECTORS[selector.toLowerCase()]
  const [recipient, amount, memo] = words.match(/.{64}/g) ?? []
  const target = { name, value: String(to), meaning: 'contract that is called' }
  if (kind === undefined || recipient === undefined || amount === undefined)
    return [target, { name: `${name} data`, value: String(data), meaning: 'a call that is not known here' }]
  const units = BigInt(`0x${amount}`)
  return [
    target,
    {
      name: `${name} ${kind}`,
      value: `0x${recipient.slice(24)}`,
      meaning: `is paid ${showUnits(units, token)}`,
    },
    ...(memo === undefined
      ? []
      : [{ name: `${name} memo`, value: `0x${memo}`, meaning: 'binds the payment to its challenge' }]),
  ]
}

const meaningOf = meaningsOf({
  chainId: 'chain that it is for',
  gas: 'most gas that it may take',
  maxFeePerGas: 'most that a unit of gas may cost, in 10^-18 dollars',
  maxPriorityFeePerGas: 'what goes to the validator of it',
  feeToken: 'token that fees are paid in',
  feePayer: 'whether somebody else pays the fees',
  nonceKey: 'which row of nonces: an expiring nonce is good once, until it expires',
  nonce: 'number within its row',
})

function otherField(name: string, value: unknown): readonly Field[] {
  const isPlain = ['bigint', 'number', 'string', 'boolean'].includes(typeof value)
  if (!isPlain) return []
  const isTime = name === 'validBefore' || name === 'validAfter'
  const meaning = isTime
    ? `${name === 'validBefore' ? 'good until' : 'good from'} ${showSeconds(value)}`
    : meaningOf(name)
  return [{ name, value: String(value), meaning }]
}
