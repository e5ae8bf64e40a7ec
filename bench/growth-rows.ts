import { type Coffer, createCoffer, type Store } from 'coffer'
import { memory, memoryBlobs } from 'coffer/memory'
import { protocols } from './seller.ts'
import * as terms from './terms.ts'

/** A row of a store, as it is put there by the side door. */
export interface Row {
  readonly key: string
  /** JSON. */
  readonly value: string
  readonly expiresAt: number | null
}

/** What is left of a paid request. */
export interface Visit {
  readonly session: string
  readonly vault: string
  /** When it was, epoch milliseconds. */
  readonly at: number
}

/** What everybody here buys: a session, a vault. */
export const route = {
  price: terms.PRICE,
  description: terms.DESCRIPTION,
  acceptSessions: true,
  vault: true,
} as const

/** A seller whose payments cost nothing. */
export function openSeller(store: Store, clock?: () => number): Coffer {
  return createCoffer({
    secret: terms.SECRET,
    wallets: { main: { address: terms.SELLER } },
    protocols: [protocols.x402],
    store,
    stub: true,
    challengeLimit: false,
    vaults: { blobs: memoryBlobs() },
    ...(clock && { clock }),
  })
}

/**
 * Has requests paid for, and events appended to their vaults, on a store in memory: the rows are those that any store has
 * afterwards.
 *
 * @param instants - When, epoch milliseconds; one request each.
 */
export async function makeRows(instants: readonly number[]): Promise<{ rows: Row[]; visits: Visit[] }> {
  const rows = new Map<string, Row>()
  const visits: Visit[] = []
  const store = memory()
  const watched: Store = {
    ...store,
    async commit(writes) {
      const version = await store.commit(writes)
      for (const { key, value, expiresAt = null } of version === null ? [] : writes) {
        if (value === null) rows.delete(key)
        else rows.set(key, { key, value: JSON.stringify(value), expiresAt })
      }
      return version
    },
  }
  let at = 0
  const coffer = openSeller(watched, () => at)
  for (at of instants) visits.push({ ...(await buy(coffer, true)), at })
  // In the order of the keys, which stores take fastest.
  return { rows: [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1)), visits }
}

/** Pays for a request, whose handler may append an event. */
export async function buy(coffer: Coffer, emits: boolean): Promise<Omit<Visit, 'at'>> {
  const headers = { 'x-payment': `stub_${crypto.randomUUID()}` }
  const outcome = await coffer.handle(new Request(terms.REPORT_URL, { headers }), route)
  if (outcome instanceof Response) throw new Error(`the stub did not pay: ${await outcome.text()}`)
  const { vault } = outcome.grant
  if (emits) await vault.emit('bench.step', { done: true })
  const answer = await outcome.finish(new Response())
  return { session: answer.headers.get(terms.SESSION) ?? '', vault: vault.id }
}
