import { utf8 } from '../lib/bytes.ts'
import { canonicalJson, type Json } from '../lib/json.ts'
import { invalidOption } from '../problems/error.ts'

/** A value of a store should stay below 60 KiB, so that every backend can hold it. The rest of a row has the other 12. */
const MAX_INLINE_BYTES = 48 * 1024

/**
 * What JSON makes of a value, in the one form of RFC 8785. Half a character, such as a cut emoji leaves behind, becomes
 * U+FFFD, as in every other encoding as UTF-8.
 *
 * @throws CofferError `invalid-option` for what JSON cannot carry: functions, bigints, circles, endless depth.
 */
export function contentText(value: unknown, option: string): string {
  try {
    const text = JSON.stringify(value, (_, item: unknown) =>
      typeof item === 'string' ? item.toWellFormed() : item,
    )
    return canonicalJson(JSON.parse(text) as Json)
  } catch {
    return invalidOption(option, 'a value that JSON can carry', value)
  }
}

/** The value of a text that {@link contentText} wrote. */
export function contentOf(text: string): Json {
  return JSON.parse(text)
}

/** Whether a text may stand in a row as a JSON string. As text, whatever it holds: not every database takes U+0000. */
export function fitsInline(text: string): boolean {
  return text.length <= MAX_INLINE_BYTES && utf8(JSON.stringify(text)).length <= MAX_INLINE_BYTES
}

/**
 * Text for people to read.
 *
 * @throws CofferError `invalid-option` when it is no text, is longer than so many characters, or has a U+0000.
 */
export function readText(option: string, text: string, maxLength: number): string {
  const isGood = typeof text === 'string' && text.length <= maxLength && !text.includes('\0')
  return isGood ? text.toWellFormed() : invalidOption(option, `text of at most ${maxLength} characters`)
}
