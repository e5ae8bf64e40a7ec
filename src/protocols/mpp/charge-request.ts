import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts'
import { type Address, parseAddress } from '../../payments/address.ts'
import { parseAmount } from '../../payments/amount.ts'
import { type ChainId, chainIdOf } from '../../payments/chain.ts'
import type { Split } from '../payer.ts'
import type { ChallengeParams } from './challenge.ts'
import { decodeEnvelope } from './envelope.ts'

/** What a `charge` challenge of a method on an EVM chain asks for, as its payer reads it. */
export interface ChargeRequest {
  /** The challenge as it came. */
  readonly challenge: ChallengeParams
  readonly chain: ChainId
  /** Token contract. */
  readonly currency: Address
  /** Base units, splits included. */
  readonly amount: bigint
  readonly recipient: Address
  readonly description: string | null
  /** Epoch milliseconds. */
  readonly expiresAt: number | null
  readonly splits: readonly ChargeSplit[]
  /** What else the method says. */
  readonly methodDetails: JsonObject
}

/** A part of a charge, with the memo that its recipient wants. */
export interface ChargeSplit extends Split {
  readonly memo: string | null
}

/** draft-tempo-charge-00: the main network, when a challenge does not say. */
const TEMPO = 4217

const MAX_SPLITS = 10

/** Reads the request of a challenge. Text says why it cannot be read. */
export function parseChargeRequest(challenge: ChallengeParams): ChargeRequest | string {
  const request = decodeEnvelope(challenge.request)
  const details = request?.['methodDetails'] ?? {}
  if (request === null || !isJsonObject(details)) return malformed(challenge, 'request')
  const amount = parseAmount(request['amount'])
  const [currency, recipient] = [request['currency'], request['recipient']].map(parseAddress)
  if (amount === null || currency == null || recipient == null) {
    return malformed(challenge, 'amount, currency or recipient')
  }
  const chainId = details['chainId'] ?? (challenge.method === 'tempo' ? TEMPO : null)
  if (!Number.isSafeInteger(chainId) || Number(chainId) <= 0) return malformed(challenge, 'chainId')
  const expiresAt = challenge.expires === undefined ? null : Date.parse(challenge.expires)
  if (Number.isNaN(expiresAt)) return malformed(challenge, 'expires')
  const splits = parseSplits(details['splits'] ?? [], amount)
  if (splits === null) return malformed(challenge, 'splits')
  const { description } = request
  return {
    challenge,
    chain: chainIdOf(Number(chainId)),
    currency,
    amount,
    recipient,
    description: typeof description === 'string' ? description : (challenge.description ?? null),
    expiresAt,
    splits,
    methodDetails: details,
  }
}

/** Every split is something, and together they leave something for the recipient. */
function parseSplits(value: Json, total: bigint): readonly ChargeSplit[] | null {
  if (!Array.isArray(value) || value.length > MAX_SPLITS) return null
  const splits: ChargeSplit[] = []
  let sum = 0n
  for (const split of value as readonly Json[]) {
    if (!isJsonObject(split)) return null
    const [recipient, amount] = [parseAddress(split['recipient']), parseAmount(split['amount'])]
    if (recipient === null || amount === null || amount === 0n) return null
    const { memo } = split
    splits.push({ recipient, amount, memo: typeof memo === 'string' ? memo : null })
    sum += amount
  }
  return splits.length === 0 || sum < total ? splits : null
}

function malformed({ method }: ChallengeParams, member: string): string {
  return `A challenge of the method ${JSON.stringify(method.slice(0, 40))} has no valid ${member}.`
}
