import { utf8 } from '../lib/bytes.ts'
import { invalidOption } from '../problems/error.ts'
import type { Page, Range, Version, Write } from './store.ts'

/** What the {@link Store} interface demands of its callers: the same checks in every backend. */

const MAX_KEY_BYTES = 512
const MAX_LIMIT = 1000
const DEFAULT_LIMIT = 100

/** @throws CofferError `invalid-option` for a key that not every store could hold. */
export function checkKey(key: string): void {
  // A UTF-16 unit is one byte at least, so the length bounds the work of counting bytes.
  if (key === '' || !isText(key) || key.length > MAX_KEY_BYTES || utf8(key).length > MAX_KEY_BYTES) {
    invalidOption('key', 'well-formed text of 1 to 512 UTF-8 bytes without U+0000')
  }
}

/** @throws CofferError `invalid-option` for a bad key, a key that stands twice, or a bad expiry. */
export function checkWrites(writes: readonly Write[]): void {
  const keys = new Set<string>()
  for (const { key, expiresAt } of writes) {
    checkKey(key)
    if (keys.has(key)) invalidOption('writes', 'each key once in a commit')
    keys.add(key)
    if (expiresAt !== undefined && !Number.isSafeInteger(expiresAt)) {
      invalidOption('expiresAt', 'whole epoch milliseconds', expiresAt)
    }
  }
}

/**
 * Checks a range and fills in what a page leaves out.
 *
 * @throws CofferError `invalid-option` for a bad bound or limit.
 */
export function checkPage(range: Range, page: Page = {}): Required<Page> {
  const { limit = DEFAULT_LIMIT, reverse = false } = page
  if (!isText(range.start) || !isText(range.end)) {
    invalidOption('range', 'bounds of well-formed text without U+0000')
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    invalidOption('limit', `an integer from 1 to ${MAX_LIMIT}`, limit)
  }
  return { limit, reverse }
}

/**
 * Whether every condition of a commit holds.
 *
 * @param versionOf - Version of the live entry of a key, `null` when there is none; asked only where a condition stands.
 */
export function conditionsHold(
  writes: readonly Write[],
  versionOf: (key: string) => Version | null,
): boolean {
  return writes.every(({ key, if: condition }) => {
    if (condition === undefined) return true
    return versionOf(key) === (condition === 'absent' ? null : condition.version)
  })
}

function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
