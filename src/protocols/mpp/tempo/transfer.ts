import { decodeWords, selectorOf, topic, topicOf } from '../../../evm/abi.ts'
import type { Log } from '../../../evm/records.ts'
import type { Hex } from '../../../lib/hex.ts'
import type { Address } from '../../../payments/address.ts'
import { type Refusal, refuse } from '../../../problems/refusal.ts'

/** A TIP-20 transfer with a memo, as a call asks for it or as a log tells it. */
export interface Transfer {
  readonly token: Address
  readonly payer: Address
  readonly recipient: Address
  /** Base units. */
  readonly amount: bigint
  readonly memo: Hex
}

/** The transfer that pays a charge. */
export interface Terms {
  readonly token: Address
  /** `null` while it does not matter who pays. */
  readonly payer: Address | null
  readonly recipient: Address
  /** Base units, exactly. */
  readonly amount: bigint
  /** Whether a memo is the one that pays. */
  accepts(memo: Hex): boolean
}

const TRANSFER_WITH_MEMO = selectorOf('transferWithMemo(address,uint256,bytes32)')
const TRANSFERRED_WITH_MEMO = topicOf('TransferWithMemo(address,address,uint256,bytes32)')

/** The transfers among the calls of a sender. Other calls, such as a swap before it, are the sender's own business. */
export function transfersOfCalls(
  calls: readonly { readonly to?: Hex | undefined; readonly data?: Hex | undefined }[],
  sender: Address,
): readonly Transfer[] {
  return calls.flatMap(({ to, data }): readonly Transfer[] => {
    if (to === undefined || !data?.startsWith(TRANSFER_WITH_MEMO)) return []
    const [recipient, amount, memo, more] = decodeWords(`0x${data.slice(TRANSFER_WITH_MEMO.length)}`) ?? []
    if (recipient === undefined || amount === undefined || memo === undefined || more !== undefined) return []
    return [
      { token: lower(to), payer: sender, recipient: addressOf(topic(recipient)), amount, memo: topic(memo) },
    ]
  })
}

/** The transfers among the logs of a transaction. */
export function transfersOfLogs(logs: readonly Log[]): readonly Transfer[] {
  return logs.flatMap(
    ({ address: token, topics: [event, payer, recipient, memo], data }): readonly Transfer[] => {
      const [amount] = decodeWords(data) ?? []
      if (event === undefined || lower(event) !== TRANSFERRED_WITH_MEMO) return []
      if (payer === undefined || recipient === undefined || memo === undefined || amount === undefined)
        return []
      return [{ token, payer: addressOf(payer), recipient: addressOf(recipient), amount, memo: lower(memo) }]
    },
  )
}

/** The transfer that pays, or why none does: the memo tells which one was meant to. */
export function matchTransfer(transfers: readonly Transfer[], terms: Terms): Transfer | Refusal {
  const meant = transfers.filter(({ memo }) => terms.accepts(memo))
  const refusals = meant.map((transfer) => compare(transfer, terms))
  const match = meant[refusals.indexOf(null)]
  return (
    match ??
    refusals[0] ??
    refuse('verification-failed', 'No transfer has a memo that binds it to this challenge.')
  )
}

function compare({ token, payer, recipient, amount }: Transfer, terms: Terms): Refusal | null {
  if (token !== terms.token) return wrong('token', terms.token, token)
  if (recipient !== terms.recipient) return wrong('recipient', terms.recipient, recipient)
  if (amount !== terms.amount) return wrongAmount(terms.amount, amount)
  return terms.payer === null || payer === terms.payer ? null : wrong('payer', terms.payer, payer)
}

function wrong(what: string, expected: string, got: string): Refusal {
  return refuse('verification-failed', `The ${what} of the transfer is another.`, { expected, got })
}

function wrongAmount(expected: bigint, got: bigint): Refusal {
  const less = got < expected
  return refuse(
    less ? 'insufficient-payment' : 'verification-failed',
    `The transfer is of ${less ? 'less' : 'more'} than the price.`,
    { expected: expected.toString(), got: got.toString() },
  )
}

function addressOf(word: Hex): Address {
  return `0x${lower(word).slice(-40)}`
}

function lower(hex: Hex): Hex {
  return hex.toLowerCase() as Hex
}
