/** A value that JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json }

/** Deeper texts parse, but would overflow the stack of whatever walks them next. */
const MAX_DEPTH = 32

/**
 * Parses a JSON object. `null` when the text is not JSON, not an object, nested deeper than 32 levels, or not I-JSON
 * (RFC 7493 section 2): a number past the range of a double, a lone surrogate. What comes out, {@link canonicalJson}
 * can write.
 */
export function parseJsonObject(text: string): JsonObject | null {
  if (isTooDeep(text)) return null
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) && isInteroperable(value) ? value : null
  } catch {
    return null
  }
}

/** What others have parsed, under the rules of {@link parseJsonObject}; `null` when it breaks one. */
export function toJsonObject(value: unknown): JsonObject | null {
  try {
    return parseJsonObject(JSON.stringify(value) ?? '')
  } catch {
    // Nested so deep that it cannot even be written.
    return null
  }
}

/** Whether a parsed JSON value is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Writes JSON in the one form that RFC 8785 (JCS) allows: members sorted by UTF-16 code units, no white space.
 *
 * @throws TypeError for lone surrogates and for numbers that JSON cannot carry.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`)
  if (typeof value === 'string' && !value.isWellFormed()) {
    throw new TypeError('JSON text has a lone surrogate')
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`
  const object = value as JsonObject
  const members = Object.keys(object)
    .sort()
    .map((key) => `${canonicalJson(key)}:${canonicalJson(object[key] as Json)}`)
  return `{${members.join(',')}}`
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d]

/** Counts brackets outside strings: one pass over the text, no recursion. */
function isTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (inString) {
      if (char === BACKSLASH) at++
      else if (char === QUOTE) inString = false
    } else if (char === QUOTE) inString = true
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) return true
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--
  }
  return false
}

/** Whether no number overflowed (`1e999` parses as infinity) and no text has half a character (`"\ud800"`). */
function isInteroperable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  const members = value as Readonly<Record<string, unknown>>
  for (const key of Object.keys(members)) {
    if (!key.isWellFormed() || !isInteroperable(members[key])) return false
  }
  return true
}
