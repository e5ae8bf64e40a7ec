import type { Range } from './store.ts'

/** Every key that Coffer writes. */
export const keys = {
  /** The payment record. */
  payment: (id: string): string => `payment/${id}`,
  /** Which payment spent a proof: `{ payment: 'pay_…' }`. */
  proof: (proof: string): string => `proof/${proof}`,
  /** Which payment a credential made, by the SHA-256 of its text: `{ payment: 'pay_…' }`. */
  credential: (hash: string): string => `credential/${hash}`,
  /** Which payment an idempotency key belongs to, by the SHA-256 of payer and key: `{ payment: 'pay_…' }`. */
  idempotency: (hash: string): string => `idempotency/${hash}`,
  /** The answer that a payment bought, for as long as it can be had again. */
  result: (payment: string): string => `result/${payment}`,
  /** A payment whose answer was given before its money moved: `{ amount, decimals }`. */
  unsettled: (payment: string): string => `unsettled/${payment}`,
  /** Written by every claim of such a payment, so that they cannot exceed the limit together. */
  exposure: 'exposure',
  /** A job of the outbox that is due at an instant; in order of time within its lane. */
  due: (lane: Lane, at: number, id: string): string => `due/${lane}/${instant(at)}/${id}`,
  /** A job that was given up. */
  dead: (id: string): string => `dead/${id}`,
  /** A webhook endpoint. */
  webhook: (id: string): string => `webhook/${id}`,
  /** What became of an event at an endpoint; ids begin with the endpoint's and go on with the time. */
  delivery: (id: string): string => `delivery/${id}`,
} as const

/** All payments whose answer was given before their money moved. */
export const allUnsettled: Range = { start: 'unsettled/', end: 'unsettled0' }

/**
 * Jobs that wait for each other's place. Those that talk to servers of anybody have a lane of their own, so that slow
 * receivers hold up no settlement.
 */
export type Lane = 'own' | 'foreign'

/** All jobs of a lane that are due by now. */
export function dueUntil(lane: Lane, now: number): Range {
  return { start: `due/${lane}/`, end: `due/${lane}/${instant(now + 1)}` }
}

/** Epoch milliseconds in an order that text has: 15 digits last until the year 33658. */
export const instant = (at: number): string => Math.max(0, Math.floor(at)).toString().padStart(15, '0')
