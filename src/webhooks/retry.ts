/** When a message that was not taken is tried again. */

const FIRST_DELAY_MS = 5000
const LONGEST_DELAY_MS = 12 * 3_600_000
const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000

/** How long after its first try a message is given up: 19 tries when none is answered. */
export const GIVE_UP_AFTER_MS = 3 * 24 * 3_600_000

/**
 * After 5 s, 10 s, 20 s … at most 12 h, each shortened by up to a tenth at random, so that what failed together does not
 * come back together.
 *
 * @param tries - How often it was tried.
 * @param chance - A number from 0 to 1.
 */
export function retryDelayMs(tries: number, chance: number): number {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** Math.min(tries - 1, 20), LONGEST_DELAY_MS)
  return Math.round(delay * (1 - chance / 10))
}

/**
 * How long a server asks to be left alone (RFC 9110 section 10.2.3), at most a day; 0 when it does not ask, or for a
 * text that is neither seconds nor a date.
 *
 * @param field - The `Retry-After` field.
 * @param now - Epoch milliseconds.
 */
export function retryAfterMs(field: string | null, now: number): number {
  if (field === null) return 0
  const text = field.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_RETRY_AFTER_MS)
  // `Date.parse` takes nearly anything for a date: only the forms of RFC 9110 that name their zone are for it.
  const at = /^[A-Z][a-z]+, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? 0 : Math.min(Math.max(at - now, 0), LONGEST_RETRY_AFTER_MS)
}
