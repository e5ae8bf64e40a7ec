import { decodeWords, selectorOf, topic, topicOf } from '../evm/abi.ts'
import { type Hex, isHex } from '../lib/hex.ts'
import { isJsonObject, type Json } from '../lib/json.ts'
import { type Address, parseAddress } from '../payments/address.ts'
import type { FakeLog } from './fake-records.ts'

/** The TIP-20 tokens of a fake Tempo chain. */
export interface FakeStablecoins {
  balanceOf(token: Address, account: Address): bigint
  mint(token: Address, to: Address, amount: bigint): void
  /** Makes all calls of a sender, or none: what the tokens say of them, or `null` when one of them reverts. */
  execute(calls: readonly Json[], sender: Address): readonly FakeLog[] | null
  /** Whether all calls would be made. */
  wouldExecute(calls: readonly Json[], sender: Address): boolean
  /** Takes a fee, which the sender is known to have. */
  takeFee(token: Address, sender: Address, amount: bigint): void
}

const TRANSFER = selectorOf('transfer(address,uint256)')
const TRANSFER_WITH_MEMO = selectorOf('transferWithMemo(address,uint256,bytes32)')
const TRANSFERRED = topicOf('Transfer(address,address,uint256)')
const TRANSFERRED_WITH_MEMO = topicOf('TransferWithMemo(address,address,uint256,bytes32)')

/** One call, understood. */
interface Transfer {
  readonly token: Address
  readonly to: Address
  readonly amount: bigint
  readonly memo: Hex | null
}

/** Makes tokens without holders. */
export function createFakeStablecoins(tokens: readonly Address[]): FakeStablecoins {
  const balances = new Map<string, bigint>()
  const balanceOf = (token: Address, account: Address): bigint => balances.get(`${token}/${account}`) ?? 0n
  const add = (token: Address, account: Address, amount: bigint): void =>
    void balances.set(`${token}/${account}`, balanceOf(token, account) + amount)

  /** The transfers that calls ask for; `null` when a call asks for anything else, or for more than there is. */
  function plan(calls: readonly Json[], sender: Address): readonly Transfer[] | null {
    const left = new Map(tokens.map((token) => [token, balanceOf(token, sender)]))
    const transfers: Transfer[] = []
    for (const call of calls) {
      const transfer = readTransfer(call)
      const rest = transfer && (left.get(transfer.token) ?? -1n) - transfer.amount
      if (transfer === null || rest === null || rest < 0n) return null
      left.set(transfer.token, rest + (transfer.to === sender ? transfer.amount : 0n))
      transfers.push(transfer)
    }
    return transfers
  }

  return {
    balanceOf,
    mint: add,
    takeFee: (token, sender, amount) => add(token, sender, -amount),
    wouldExecute: (calls, sender) => plan(calls, sender) !== null,
    execute(calls, sender) {
      const transfers = plan(calls, sender)
      if (transfers === null) return null
      return transfers.flatMap(({ token, to, amount, memo }) => {
        add(token, sender, -amount)
        add(token, to, amount)
        const between = [topic(sender), topic(to)]
        const said = { address: token, data: topic(amount) }
        return [
          { ...said, topics: [TRANSFERRED, ...between] },
          ...(memo === null ? [] : [{ ...said, topics: [TRANSFERRED_WITH_MEMO, ...between, memo] }]),
        ]
      })
    },
  }
}

function readTransfer(call: Json): Transfer | null {
  const { to, data } = isJsonObject(call) ? call : {}
  const token = parseAddress(to)
  if (token === null || !isHex(data)) return null
  const [recipient, amount, memo] = decodeWords(`0x${data.slice(10)}`) ?? []
  if (recipient === undefined || amount === undefined) return null
  const transfer = { token, to: `0x${topic(recipient).slice(-40)}`, amount } as const
  if (data.startsWith(TRANSFER)) return { ...transfer, memo: null }
  return data.startsWith(TRANSFER_WITH_MEMO) && memo !== undefined ? { ...transfer, memo: topic(memo) } : null
}
