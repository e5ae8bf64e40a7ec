import type { Asset, ChainId } from '../../client.ts'
import { parseAddress } from '../../payments/address.ts'
import { formatAmount, parseAmount } from '../../payments/amount.ts'
import type { Field } from '../show/field-list.ts'
import { cut } from '../show/field-list.ts'
import { type Remark, remark } from '../show/remark.ts'
import { knownToken, showUnits } from '../show/token-name.ts'

/** What every offer on an EVM chain has, whatever its protocol calls it. */
export interface TokenTerms {
  /** Names of the members, as the protocol has them. */
  readonly names: { readonly amount: string; readonly asset: string; readonly recipient: string }
  /** `null` for a chain that is none, or not known. */
  readonly network: ChainId | null
  readonly amount: unknown
  readonly asset: unknown
  readonly recipient: unknown
}

/** What official x402 clients pay at most, base units of six decimals, unless they are told otherwise. */
const CLIENT_CAP = 1_000_000n

const ZERO = `0x${'0'.repeat(40)}`

/** Explains amount, token and recipient, and says what is wrong with them. */
export function explainToken(terms: TokenTerms): {
  readonly fields: readonly Field[]
  readonly remarks: readonly Remark[]
  readonly token: Asset | null
} {
  const { names, network } = terms
  const amount = parseAmount(terms.amount)
  const [asset, recipient] = [parseAddress(terms.asset), parseAddress(terms.recipient)]
  const token = network === null || asset === null ? null : knownToken(network, asset)
  const isElsewhere = network === null
  const fields: Field[] = [
    {
      name: names.amount,
      value: shown(terms.amount),
      meaning: amount === null ? 'the price, in base units' : `the price: ${showUnits(amount, token)}`,
    },
    {
      name: names.asset,
      value: shown(terms.asset),
      meaning: token === null ? 'the token that is asked for' : `the token: ${token.symbol}`,
    },
    { name: names.recipient, value: shown(terms.recipient), meaning: 'who is paid' },
  ]
  const remarks = [
    ...(amount === null ? [malformed(names.amount, 'base units as a decimal string, such as "10000"')] : []),
    ...(asset === null && !isElsewhere ? [malformed(names.asset, 'the address of a token contract')] : []),
    ...(recipient === null && !isElsewhere ? [malformed(names.recipient, 'an address')] : []),
    ...(recipient === ZERO
      ? [remark('recipient-zero', `${names.recipient} is the zero address: what is paid is lost.`)]
      : []),
    ...(recipient !== null && recipient === asset
      ? [remark('recipient-is-token', `${names.recipient} is the token itself: what is paid is lost.`)]
      : []),
    ...(asset !== null && network !== null && token === null
      ? [
          remark(
            'asset-unknown',
            `The token ${asset} on ${network} is not known here, so its decimals cannot be checked.`,
            'Clients pay in tokens that they know: USDC on Base, pathUSD and USDC.e on Tempo are.',
          ),
        ]
      : []),
    ...(token !== null && amount !== null && token.decimals === 6 && amount > CLIENT_CAP
      ? [
          remark(
            'price-over-cap',
            `${formatAmount(amount, token.decimals)} ${token.symbol} is more than official x402 clients pay unless told to.`,
            'Tell your customers to raise their limit.',
          ),
        ]
      : []),
  ]
  return { fields, remarks, token }
}

/** A member that does not hold what it should. */
export function malformed(name: string, expected: string): Remark {
  return remark('malformed-member', `There is no valid ${name}.`, `It has to be ${expected}.`)
}

/** A value of somebody else's, as it stands there. */
export function shown(value: unknown): string {
  if (value === undefined) return '(absent)'
  return cut(typeof value === 'string' ? value : JSON.stringify(value))
}
