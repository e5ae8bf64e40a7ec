import type { Clock } from '../lib/clock.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'
import { keys } from '../stores/keys.ts'
import { prefixRange, type Store } from '../stores/store.ts'
import { type Delivery, deliveryJob, deliveryJobId, deliveryOf, deliveryRow } from './delivery.ts'

/** Which part of a log to read. */
export interface DeliveryPage {
  /** At most this many, 1 to 100. Default 20. */
  readonly limit?: number
  /** Where the page before ended: its {@link DeliveryList.cursor}. */
  readonly cursor?: string
}

/** A page of a log, newest first. */
export interface DeliveryList {
  readonly deliveries: readonly Delivery[]
  /** Where the next page begins; `null` when this is the last. */
  readonly cursor: string | null
}

/** What became of events. */
export interface DeliveryLog {
  list(endpoint: string, page?: DeliveryPage): Promise<DeliveryList>
  get(id: string): Promise<Delivery | null>
  replay(id: string): Promise<Delivery | null>
}

const MAX_LIMIT = 100
const ID = /^[\w.-]{1,200}$/

/** Opens the log. */
export function createDeliveryLog(store: Store, clock: Clock): DeliveryLog {
  return {
    async list(endpoint, page = {}) {
      refuseUnknownOptions(page, ['limit', 'cursor'], 'deliveries')
      const { limit = 20, cursor } = page
      if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
        invalidOption('deliveries.limit', `a whole number from 1 to ${MAX_LIMIT}`, limit)
      }
      const prefix = `${endpoint}.`
      if (cursor !== undefined && !(ID.test(cursor) && cursor.startsWith(prefix))) {
        invalidOption('deliveries.cursor', 'the cursor of a page of this endpoint', cursor)
      }
      if (!ID.test(endpoint)) return { deliveries: [], cursor: null }
      const { start, end } = prefixRange(keys.delivery(prefix))
      const range = { start, end: cursor === undefined ? end : keys.delivery(cursor) }
      const entries = await store.list(range, { limit: limit + 1, reverse: true })
      const deliveries = entries.slice(0, limit).map(deliveryOf)
      return { deliveries, cursor: entries.length > limit ? (deliveries.at(-1)?.id ?? null) : null }
    },

    async get(id) {
      const entry = ID.test(id) ? await store.get(keys.delivery(id)) : null
      return entry && deliveryOf(entry)
    },

    async replay(id) {
      for (;;) {
        const entry = ID.test(id) ? await store.get(keys.delivery(id)) : null
        if (entry === null) return null
        const delivery = deliveryOf(entry)
        if (delivery.status === 'pending') return delivery
        const again: Delivery = { ...delivery, status: 'pending', firstTriedAt: null }
        const now = clock()
        const version = await store.commit([
          { ...deliveryRow(again, now), if: { version: entry.version } },
          deliveryJob(again, now),
          { key: keys.dead(deliveryJobId(id)), value: null },
        ])
        if (version !== null) return again
      }
    },
  }
}
