import { existsSync } from 'node:fs'
import { clientKeys } from '../../client/keys.ts'
import {
  type AttemptInfo,
  type OfferInfo,
  PaymentError,
  payFetch,
  type SessionInfo,
  type Signer,
  type TypedData,
} from '../../client.ts'
import { agentFile, type Store } from '../../client-node.ts'
import { memory } from '../../memory.ts'
import { scan } from '../../stores/scan.ts'
import { prefixRange } from '../../stores/store.ts'
import { fileOf } from '../agent/agent-files.ts'
import { payOptions } from '../agent/agent-options.ts'
import { openWallet } from '../agent/agent-wallet.ts'
import { type CommandCall, UsageError } from '../command.ts'
import type { CommandRequest } from './request-options.ts'

/** What would happen, and what would be signed. */
export interface DryRun {
  /** Answer of the server to a request without a payment. */
  readonly status: number
  readonly payer: `0x${string}`
  /** The offer that would be taken; `null` when nothing would be signed. */
  readonly offer: OfferInfo | null
  readonly signing: Signing | null
  /** Payments for the same URL that have no answer yet: the first would be taken up again, and nothing new be signed. */
  readonly open: readonly AttemptInfo[]
  /** Sessions at the same origin, which may be tried first. */
  readonly sessions: readonly SessionInfo[]
}

/** What a wallet would be asked to sign. */
export type Signing =
  | { readonly kind: 'typed-data'; readonly typedData: TypedData; readonly digest: `0x${string}` }
  | {
      readonly kind: 'transaction'
      readonly transaction: Readonly<Record<string, unknown>>
      /** The transaction without its signature, encoded. */
      readonly unsigned: `0x${string}`
    }

/** What the agent's file says that matters here. */
interface Kept {
  readonly budget: Store
  readonly open: readonly AttemptInfo[]
  readonly sessions: readonly SessionInfo[]
}

/**
 * Finds out what would be signed for a request: the request is made without a payment, and the wallet it is done with has no
 * key. Nothing is written down.
 *
 * @throws PaymentError `payment-refused` when nothing would be paid.
 */
export async function dryRun(request: CommandRequest, call: CommandCall): Promise<DryRun> {
  const { url, method, headers, body } = request
  const payer = await payerOf(call)
  const { budget: store, open, sessions } = await readKept(call, payer, request)
  let offer: OfferInfo | null = null
  let signing: Signing | null = null
  const wallet: Signer = {
    address: payer,
    async signTypedData(typedData) {
      const { hashTypedData } = await import('viem')
      const digest = hashTypedData(typedData as unknown as Parameters<typeof hashTypedData>[0])
      signing = { kind: 'typed-data', typedData, digest }
      throw new NotSigned()
    },
    async signTransaction(transaction, { serializer } = {}) {
      const unsigned = (await serializer?.(transaction as never)) ?? '0x'
      signing = { kind: 'transaction', transaction: { ...transaction }, unsigned }
      throw new NotSigned()
    },
  }
  const options = payOptions(call)
  const approve = (chosen: OfferInfo): boolean => {
    offer = chosen
    return true
  }
  const pay = payFetch({ ...options, wallet, store, sessions: false, policy: { ...options.policy, approve } })
  try {
    const init = { method, headers, ...(body && { body }), signal: call.terminal.signal }
    const answer = await pay(url, init)
    await answer.body?.cancel()
    return { status: answer.status, payer, offer: null, signing: null, open, sessions }
  } catch (error) {
    if (signing === null || error instanceof PaymentError) throw error
    return { status: 402, payer, offer, signing, open, sessions }
  } finally {
    await store.close()
  }
}

/** What the wallet answers that has no key. */
class NotSigned extends Error {
  override readonly message = 'this is a dry run'
}

async function payerOf(call: CommandCall): Promise<`0x${string}`> {
  const from = call.values['from']
  if (from === undefined) return (await openWallet(call)).signer.address
  if (typeof from === 'string' && /^0x[0-9a-fA-F]{40}$/.test(from)) return from.toLowerCase() as `0x${string}`
  throw new UsageError('--from: expected an address, 0x and 40 digits')
}

/** The sums of the agent's file, copied into memory, and what else bears on a request. The file is not made. */
async function readKept(call: CommandCall, payer: `0x${string}`, request: CommandRequest): Promise<Kept> {
  const budget = memory()
  const path = fileOf('agent', call)
  if (!existsSync(path)) return { budget, open: [], sessions: [] }
  const file = agentFile(path)
  try {
    const sums = scan(file, prefixRange(clientKeys.budgetTotal.replace(/total$/, '')))
    for await (const { key, value } of sums) await budget.commit([{ key, value }])
    const wallet: Signer = { address: payer, signTypedData: () => Promise.reject(new NotSigned()) }
    const pay = payFetch({ wallet, budget: { payment: '0' }, store: file })
    const { url, method } = request
    const attempts = await pay.attempts({ open: true })
    const kept = await pay.sessions.list()
    return {
      budget,
      open: attempts.filter(
        (each) => each.request.method === method && each.request.url === withoutHash(url),
      ),
      sessions: kept.filter((each) => new URL(each.url).origin === url.origin),
    }
  } finally {
    await file.close()
  }
}

function withoutHash(url: URL): string {
  const copy = new URL(url)
  copy.hash = ''
  return copy.href
}
