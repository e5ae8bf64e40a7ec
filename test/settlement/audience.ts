import type { HookEvent, HookType } from '../../src/hooks/events.ts'
import type { Book } from './book.ts'

/** Hears what the hooks of all processes are told. */
export interface Audience {
  readonly told: (event: HookEvent) => void
  /** What was told and is not so, or was told too often. */
  faultsOf(book: Book): string[]
}

export function createAudience(): Audience {
  const counts = new Map<string, Map<HookType, number>>()

  return {
    told(event) {
      if (!('payment' in event)) return
      const ofPayment = counts.get(event.payment.id) ?? new Map<HookType, number>()
      ofPayment.set(event.type, (ofPayment.get(event.type) ?? 0) + 1)
      counts.set(event.payment.id, ofPayment)
    },
    faultsOf({ payments }) {
      const byId = new Map(payments.map((payment) => [payment.id, payment]))
      return [...counts].flatMap(([id, ofPayment]) => {
        const payment = byId.get(id)
        if (payment === undefined) return [`${id} was told of, and is not in the book`]
        const times = (type: HookType): number => ofPayment.get(type) ?? 0
        const settled = times('payment.settled')
        const checks: readonly [boolean, string][] = [
          [times('payment.received') <= 1, 'was told of twice'],
          [
            times('payment.delivered') <= (payment.delivery === 'delivered' ? 1 : 0),
            'is told to be delivered',
          ],
          // A process that dies after the commit tells nobody that the chain took it back.
          [settled <= 1 || payment.vanishedAt !== null, `was told ${settled} times to be settled`],
          [settled === 0 || payment.settledAt !== null, 'is told to be settled'],
          [times('payment.failed') <= (payment.state === 'failed' ? 1 : 0), 'is told to have failed'],
        ]
        return checks.filter(([holds]) => !holds).map(([, fault]) => `${id} ${fault}`)
      })
    },
  }
}
