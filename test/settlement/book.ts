import { isLeased, type Payment } from '../../src/payments/payment.ts'
import { keys } from '../../src/stores/keys.ts'
import { prefixRange, type Store } from '../../src/stores/store.ts'
import { MAX_UNSETTLED, RESULT_MS } from './limits.ts'
import type { Chain } from './scripted-chain.ts'

/** The book of payments as it stands in the store. */
export interface Book {
  readonly payments: readonly Payment[]
  /** Keys of the outbox rows, and dead letters, by the payment that they are about. */
  readonly promises: ReadonlyMap<string, readonly string[]>
  /** Payments that are watched, because their chain may take them back. */
  readonly watched: ReadonlySet<string>
  /** Which payment an idempotency key belongs to, by the key's hash. */
  readonly owners: ReadonlyMap<string, string>
  /** Payments whose answers are kept. */
  readonly kept: ReadonlySet<string>
  /** Payments that count as answered before their money moved. */
  readonly exposed: ReadonlySet<string>
}

export async function readBook(store: Store): Promise<Book> {
  const list = (prefix: string) => store.list(prefixRange(prefix), { limit: 1000 })
  const [payments, due, dead, owners, kept, exposed] = await Promise.all(
    ['payment/', 'due/', 'dead/', 'idempotency/', 'result/', 'unsettled/'].map(list),
  )
  const promises = new Map<string, string[]>()
  const watched = new Set<string>()
  for (const { key, value } of [...(due ?? []), ...(dead ?? [])]) {
    const [kind, payment = ''] = String(value['id']).split(':')
    if (kind === 'confirm') watched.add(payment)
    if (kind === 'reconcile') promises.set(payment, [...(promises.get(payment) ?? []), key])
  }
  const named = (entries: typeof kept) => new Set(entries?.map(({ key }) => key.split('/')[1] ?? ''))
  return {
    payments: payments?.map(({ value }) => value as unknown as Payment) ?? [],
    promises,
    watched,
    owners: new Map(owners?.map(({ key, value }) => [key, String(value['payment'])])),
    kept: named(kept),
    exposed: named(exposed),
  }
}

export const isResolved = ({ state }: Payment): boolean => state === 'settled' || state === 'failed'

/** What must hold at every moment, whatever broke off where; names what does not. */
export function faultsOf(book: Book, chain: Chain, now: number): string[] {
  const { payments, promises, watched, owners, kept, exposed } = book
  const spent = new Set<string>()
  const faults = payments.flatMap((payment) => {
    const { id, proofs, state, settle, delivery, idempotency, claimedAt, deliveredAt, vanishedAt } = payment
    const [proof = ''] = proofs
    const isFirst = !spent.has(proof)
    spent.add(proof)
    const rows = promises.get(id)?.length ?? 0
    const isDelivered = delivery === 'delivered'
    const isKeyed = idempotency !== null && state !== 'failed'
    const checks: readonly [boolean, string][] = [
      [isFirst, 'spends what is spent'],
      [state !== 'settled' || chain.hasMoved(proof) || watched.has(id), 'settled, and no money moved'],
      [state !== 'failed' || !chain.hasMoved(proof), 'failed, and its money moved'],
      [state !== 'failed' || !chain.mayMove(proof), 'failed, and its money may still move'],
      [
        state === 'settled' || settle === 'background' || vanishedAt !== null || !isDelivered,
        'delivered before it was settled',
      ],
      [isResolved(payment) || rows > 0, 'is forgotten by the outbox'],
      // A payment that was taken back is looked after anew, besides whatever was left of the first time.
      [rows <= 1 || vanishedAt !== null, `has ${rows} rows in the outbox`],
      [
        vanishedAt !== null || exposed.has(id) === (settle === 'background' && !isResolved(payment)),
        'is exposed, or not',
      ],
      [
        !isKeyed || now >= claimedAt + RESULT_MS || owners.get(keys.idempotency(idempotency.hash)) === id,
        'has lost its idempotency key',
      ],
      [
        !isKeyed || !isDelivered || now >= (deliveredAt ?? 0) + RESULT_MS || kept.has(id),
        'has lost its answer',
      ],
    ]
    const what = `${id} (${settle}, ${state}, ${delivery})`
    return checks.filter(([holds]) => !holds).map(([, fault]) => `${what} ${fault}`)
  })
  for (const proof of chain.moved()) if (!spent.has(proof)) faults.push(`money moved for nothing: ${proof}`)
  if (exposed.size * 0.01 > MAX_UNSETTLED) faults.push(`${exposed.size} answers on credit`)
  return faults
}

/** What must hold besides when every job has run that was due, and none belongs to a worker that died. */
export function lateFaultsOf({ payments, promises }: Book, now: number): string[] {
  return payments.flatMap((payment) => {
    const { id, state } = payment
    const isAbandoned = state === 'claimed' && !isLeased(payment, now)
    // due/<lane>/<instant>/<job>
    const isDue = promises.get(id)?.some((key) => Number(key.split('/')[2]) <= now)
    return [
      ...(isAbandoned ? [`${id} is claimed, and nobody works on it`] : []),
      ...(isResolved(payment) && isDue ? [`${id} is resolved, with a due row in the outbox`] : []),
    ]
  })
}
