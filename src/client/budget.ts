import { keccak_256 } from '@noble/hashes/sha3.js'
import { utf8 } from '../lib/bytes.ts'
import { toHex } from '../lib/hex.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { clientKeys } from './keys.ts'
import { type Cost, type Limit, type LimitOption, readLimit, touches } from './limit.ts'
import type { PayableAsset } from './payable-asset.ts'

/**
 * How much a client may pay. Every payment must keep to all limits, and at least one must touch it. What is under way
 * counts as paid until it is known that it was not.
 */
export interface BudgetOptions {
  /** One payment. */
  readonly payment?: LimitOption
  /** All payments to one host, ever. */
  readonly host?: LimitOption
  /** All payments of this session: those made through one `payFetch`, or, with a `sessionName`, under that name. */
  readonly session?: LimitOption
  /** Keeps the count of `session` across restarts. Default: every `payFetch` begins anew. */
  readonly sessionName?: string
  /** All payments of a day, in UTC. */
  readonly day?: LimitOption
  /** All payments, ever. */
  readonly total?: LimitOption
}

/** {@link BudgetOptions}, read. */
export interface Budget {
  readonly payment: Limit | null
  /** What a payment to a host counts in, now. */
  scopes(host: string, now: number): readonly Scope[]
  /** Whether a payment is limited at all. */
  limits(cost: Cost): boolean
}

/** Payments that are added up. All are counted, whether limited or not: a limit may come later. */
export interface Scope {
  readonly name: 'host' | 'session' | 'day' | 'total'
  readonly key: string
  readonly limit: Limit | null
  /** When the sum is of no use any more, epoch milliseconds; `null` for never. */
  readonly expiresAt: number | null
}

/** How long the sum of a day is kept, and of a session without name or limit. */
const KEPT_MS = 90 * 86_400_000

/**
 * Reads a budget.
 *
 * @param drawnName - Name of the session, when none is given.
 * @throws CofferError `invalid-option`.
 */
export function readBudget(
  options: BudgetOptions,
  assets: readonly PayableAsset[],
  drawnName: string,
): Budget {
  if (typeof options !== 'object' || options === null) {
    return invalidOption('payFetch.budget', "limits such as { payment: '0.10', total: '5' }", options)
  }
  refuseUnknownOptions(options, ['payment', 'host', 'session', 'sessionName', 'day', 'total'], 'budget')
  const read = (name: 'payment' | Scope['name']): Limit | null => {
    const value = options[name]
    return value === undefined ? null : readLimit(value, `budget.${name}`, assets)
  }
  const [payment, host, session, day, total] = [
    read('payment'),
    read('host'),
    read('session'),
    read('day'),
    read('total'),
  ]
  const all = [payment, host, session, day, total].filter((limit) => limit !== null)
  if (all.length === 0) invalidOption('payFetch.budget', 'at least one limit')
  const sessionHash = toHex(keccak_256(utf8(options.sessionName ?? drawnName))).slice(2)
  return {
    payment,
    limits: (cost) => all.some((limit) => touches(limit, cost)),
    scopes: (hostName, now) => [
      { name: 'host', key: clientKeys.budgetHost(hostName), limit: host, expiresAt: null },
      {
        name: 'session',
        key: clientKeys.budgetSession(sessionHash),
        limit: session,
        // Nobody asks for it again when its client has ended.
        expiresAt: options.sessionName === undefined && session === null ? now + KEPT_MS : null,
      },
      {
        name: 'day',
        key: clientKeys.budgetDay(new Date(now).toISOString().slice(0, 10)),
        limit: day,
        expiresAt: now + KEPT_MS,
      },
      { name: 'total', key: clientKeys.budgetTotal, limit: total, expiresAt: null },
    ],
  }
}

/** A sum of payments, as the store keeps it: base units and 10^-18 dollars, as text. */
export interface Tally {
  readonly usd: Sum
  readonly assets: ReadonlyMap<string, Sum & { readonly decimals: number }>
}

/** What is held back, and what was spent. */
export interface Sum {
  readonly held: bigint
  readonly spent: bigint
}

const NOTHING: Sum = { held: 0n, spent: 0n }

/** Reads a row of the budget. */
export function tallyOf(value: JsonObject | null): Tally {
  const assets = isJsonObject(value?.['assets']) ? value['assets'] : {}
  return {
    usd: sumOf(value?.['usd']),
    assets: new Map(
      Object.entries(assets).map(([id, sum]) => [
        id,
        { ...sumOf(sum), decimals: isJsonObject(sum) ? Number(sum['decimals']) : 0 },
      ]),
    ),
  }
}

function sumOf(value: unknown): Sum {
  if (!isJsonObject(value)) return NOTHING
  return { held: BigInt(String(value['held'])), spent: BigInt(String(value['spent'])) }
}

/** A tally with a cost more, or less, of one kind. */
export function tallied({ usd, assets }: Tally, kind: keyof Sum, cost: Cost, sign: 1n | -1n): Tally {
  const sum = assets.get(cost.asset) ?? NOTHING
  const changed = { ...sum, [kind]: sum[kind] + sign * cost.units, decimals: cost.decimals }
  return {
    usd: { ...usd, [kind]: usd[kind] + sign * (cost.usd ?? 0n) },
    assets: new Map([...assets, [cost.asset, changed]]),
  }
}

/** What counts against limits: what was paid, and what may have been. */
export function usedOf({ usd, assets }: Tally, { asset }: Cost): { usd: bigint; units: bigint } {
  const { held, spent } = assets.get(asset) ?? NOTHING
  return { usd: usd.held + usd.spent, units: held + spent }
}

/** Writes a row of the budget. */
export function tallyValue({ usd, assets }: Tally): JsonObject {
  const text = ({ held, spent }: Sum) => ({ held: held.toString(), spent: spent.toString() })
  const byAsset = [...assets].map(([id, sum]) => [id, { ...text(sum), decimals: sum.decimals }])
  return { usd: text(usd), assets: Object.fromEntries(byAsset) }
}
