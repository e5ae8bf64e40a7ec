import { utf8 } from '../lib/bytes.ts'
import { invalidOption } from '../problems/error.ts'
import type { Page, Range, Version, Write } from './store.ts'

/** What stores and buses demand of their callers: the same checks in every backend. */

const MAX_KEY_BYTES = 512
const MAX_LIMIT = 1000
const DEFAULT_LIMIT = 100
const MAX_WRITES = 250
const MAX_CONDITIONS = 100

/** @throws CofferError `invalid-option` for a key that not every store could hold. */
export function checkKey(key: string): void {
  checkName('key', key)
}

/** @throws CofferError `invalid-option` for a topic that not every bus could carry. */
export function checkTopic(topic: string): void {
  checkName('topic', topic)
}

function checkName(option: 'key' | 'topic', name: string): void {
  if (name === '' || !isText(name) || !fits(name)) {
    invalidOption(option, `well-formed text of 1 to ${MAX_KEY_BYTES} UTF-8 bytes without U+0000`)
  }
}

/** A UTF-16 unit is one to three bytes, so that most names need no counting. */
function fits(name: string): boolean {
  return (
    3 * name.length <= MAX_KEY_BYTES || (name.length <= MAX_KEY_BYTES && utf8(name).length <= MAX_KEY_BYTES)
  )
}

/** @throws CofferError `invalid-option` for too many writes, a bad key, a key that stands twice, or a bad expiry. */
export function checkWrites(writes: readonly Write[]): void {
  if (writes.length > MAX_WRITES) invalidOption('writes', `at most ${MAX_WRITES} in a commit`, writes.length)
  const conditions = writes.filter((write) => write.if !== undefined).length
  if (conditions > MAX_CONDITIONS) {
    invalidOption('writes', `at most ${MAX_CONDITIONS} with a condition in a commit`, conditions)
  }
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
 * The values of a commit as JSON text; `null` where a write deletes. Taken before anything changes or is awaited, so that
 * the caller's objects are free again.
 *
 * @throws CofferError `invalid-option` for a value that not every store could hold.
 */
export function valueTexts(writes: readonly Write[]): readonly (string | null)[] {
  return writes.map(({ value }) => (value === null ? null : valueText(value)))
}

function valueText(value: object): string {
  const text = jsonText(value)
  if (text?.startsWith('{') && !hasUnfitEscape(text)) return text
  return invalidOption('value', 'an object of what JSON can carry, its text well-formed and without U+0000')
}

function jsonText(value: object): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    // A bigint, or a circle.
    return undefined
  }
}

/** Whether JSON text has U+0000 or a lone surrogate, which JavaScript escapes always, and nothing else in this form. */
function hasUnfitEscape(text: string): boolean {
  return text.includes('\\u') && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(text)
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
