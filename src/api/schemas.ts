import * as z from 'zod/mini'
import type { JsonObject } from '../lib/json.ts'

/** Epoch milliseconds. */
export const instant = z.int().check(z.describe('Epoch milliseconds.'))

/** Where a list goes on. */
export const nextCursor = z
  .nullable(z.string())
  .check(z.describe('Where the next page begins; null when this is the last.'))

/** Where a list goes on, as a query says it. */
export const cursor = z.string().check(z.maxLength(300), z.describe('The cursor of the page before.'))

/** Any JSON object: there is nothing else in a body that was parsed. */
export const jsonObject = z.record(z.string(), z.unknown()) as z.ZodMiniType<JsonObject>

/** Names of protocols. */
export const paymentProtocol = z.enum(['x402', 'mpp'])

/**
 * A whole number, as a query says it.
 *
 * @param most - The largest that will do; the smallest is 1.
 */
export function countUpTo(most: number, description: string): z.ZodMiniType<number> {
  return z.pipe(
    z.pipe(
      z
        .string()
        .check(z.regex(/^[1-9]\d{0,5}$/, `a whole number from 1 to ${most}`), z.describe(description)),
      z.transform(Number),
    ),
    z.number().check(z.maximum(most)),
  )
}

/** An instant as a query says it: epoch milliseconds, or a date or date-time of RFC 3339. */
export function instantText(description: string): z.ZodMiniType<number> {
  return z.pipe(
    z.string().check(
      z.regex(INSTANT, EXPECTED),
      z.refine((text) => !Number.isNaN(epochOf(text)), EXPECTED),
      z.describe(`${description} As ${EXPECTED}.`),
    ),
    z.transform(epochOf),
  )
}

const EXPECTED = 'epoch milliseconds, or a date such as 2030-01-31 or 2030-01-31T12:00:00Z'
const INSTANT = /^(?:\d{1,15}|\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d))?)$/

/** Not a number for a date that there is not. */
function epochOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text)
}
