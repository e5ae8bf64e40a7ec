import type { Range } from './store.ts'

/** Every key that Coffer writes. */
export const keys = {
  /** The payment record. */
  payment: (id: string): string => `payment/${id}`,
  /** Which payment spent a proof: `{ payment: 'pay_…' }`. */
  proof: (proof: string): string => `proof/${proof}`,
  /** Which payment a credential made, by the SHA-256 of its text: `{ payment: 'pay_…' }`. */
  credential: (hash: string): string => `credential/${hash}`,
  /** A job of the outbox that is due at an instant; in order of time. */
  due: (at: number, id: string): string => `due/${instant(at)}/${id}`,
  /** A job that was given up. */
  dead: (id: string): string => `dead/${id}`,
} as const

/** All jobs that are due by now. */
export function dueUntil(now: number): Range {
  return { start: 'due/', end: `due/${instant(now + 1)}` }
}

/** Epoch milliseconds in an order that text has: 15 digits last until the year 33658. */
const instant = (at: number): string => Math.max(0, Math.floor(at)).toString().padStart(15, '0')
