import { formatAmount } from '../payments/amount.ts'
import { invalidOption } from '../problems/error.ts'
import { type AttemptInfo, attemptInfo } from './attempt.ts'
import type { Sum, Tally } from './budget.ts'
import type { Engine } from './engine.ts'
import { USD_DECIMALS } from './limit.ts'

/** What was paid, and what is held back for payments under way: whole tokens and US dollars as decimal strings. */
export interface Spending {
  readonly usd: { readonly held: string; readonly spent: string }
  /** By the CAIP-19 name of the token. */
  readonly assets: Readonly<Record<string, { readonly held: string; readonly spent: string }>>
}

/** Whose payments to add up. */
export type SpendingOf = 'total' | 'day' | 'session' | { readonly host: string }

/** Which attempts to list. */
export interface AttemptFilter {
  /** Only those whose money may have moved without an answer. Default false. */
  readonly open?: boolean
  /** At most so many, 1 to 1000. Default 100. */
  readonly limit?: number
}

/** Attempts to pay, newest first. */
export async function listAttempts(
  { open = false, limit = 100 }: AttemptFilter,
  { journal }: Engine,
): Promise<readonly AttemptInfo[]> {
  if (!open) return (await journal.recent(limit)).map(attemptInfo)
  const found: AttemptInfo[] = []
  for await (const attempt of journal.open()) found.push(attemptInfo(attempt))
  return found.sort((a, b) => b.createdAt - a.createdAt).slice(0, limit)
}

/** Gives an attempt up. @throws CofferError `invalid-option` for one that there is not. */
export async function abandon(id: string, { journal }: Engine): Promise<AttemptInfo> {
  if ((await journal.get(id)) === null) return invalidOption('abandon.id', 'the id of an attempt')
  const note = 'It was given up.'
  return attemptInfo(await journal.update(id, (current) => ({ ...current, state: 'abandoned', note })))
}

/** Adds payments up. @throws CofferError `invalid-option`. */
export async function spending(of: SpendingOf, engine: Engine): Promise<Spending> {
  const { budget, journal, clock } = engine
  const isHost = typeof of === 'object'
  const scope = budget
    .scopes(isHost ? of.host : '', clock())
    .find(({ name }) => name === (isHost ? 'host' : of))
  if (scope === undefined) return invalidOption('spending.of', "'total', 'day', 'session' or a host", of)
  return spendingOf(await journal.tally(scope.key))
}

/** A tally for people and programs to read. */
function spendingOf({ usd, assets }: Tally): Spending {
  const text = ({ held, spent }: Sum, decimals: number) => ({
    held: formatAmount(held, decimals),
    spent: formatAmount(spent, decimals),
  })
  const byAsset = [...assets].map(([id, sum]) => [id, text(sum, sum.decimals)])
  return { usd: text(usd, USD_DECIMALS), assets: Object.fromEntries(byAsset) }
}

/** Uses a session no more, and asks the server to end it, where its API is known. */
export async function endSession(
  id: string,
  api: string | URL | undefined,
  engine: Engine,
): Promise<'revoked' | 'forgotten' | null> {
  const known = await engine.sessions.secretOf(id)
  const origin = known && new URL(known.url).origin
  if (api !== undefined && origin !== null && (!URL.canParse(api) || new URL(api).origin !== origin)) {
    // What ends a session is what uses it: it is shown to nobody else.
    return invalidOption('sessions.end.api', `a URL of ${origin}`, String(api))
  }
  const isRevoked = api !== undefined && known !== null && (await revoke(known.secret, api, engine))
  if (!(await engine.sessions.forget(id))) return null
  return isRevoked ? 'revoked' : 'forgotten'
}

/** How long a server may take to end a session. */
const REVOKE_MS = 10_000

/** Asks a server to end a session. */
async function revoke(secret: string, api: string | URL, { fetch }: Engine): Promise<boolean> {
  const base = String(api).replace(/\/+$/, '')
  const target = `${base}/sessions/${encodeURIComponent(secret)}`
  const headers = { authorization: `Bearer ${secret}` }
  const signal = AbortSignal.timeout(REVOKE_MS)
  const answer = await fetch(target, { method: 'DELETE', headers, redirect: 'manual', signal }).catch(
    () => null,
  )
  return answer?.status === 204
}
