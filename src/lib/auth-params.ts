/**
 * Challenges and credentials of HTTP authentication (RFC 9110 section 11): `scheme param=value, param="value"`,
 * several of them comma-joined in one field. One pass over the text, so hostile input costs linear time.
 */

/** One challenge of a `WWW-Authenticate` field, or one credential of an `Authorization` field. */
export interface AuthItem {
  /** Scheme as it was written; compare without regard to case. */
  readonly scheme: string
  /** The one token68 after the scheme (RFC 9110 section 11.2), when there was one. */
  readonly token68: string | null
  /** Parameters by lower-case name, quoting removed. */
  readonly params: ReadonlyMap<string, string>
}

/** What was wrong with a field, and where. */
export interface AuthSyntaxError {
  readonly message: string
  /** Index of the offending character. */
  readonly at: number
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y
const SPACE = /[ \t]*/y
const SEPARATORS = /[ \t,]*/y

/** Parses a whole field. Returns the items in order, or the first error. */
export function parseAuthItems(field: string): readonly AuthItem[] | AuthSyntaxError {
  const items: AuthItem[] = []
  let at = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const found = pattern.exec(field)?.[0] ?? ''
    at += found.length
    return found
  }
  take(SEPARATORS)
  while (at < field.length) {
    const scheme = take(TOKEN)
    if (scheme === '') return { message: 'expected a scheme', at }
    if (take(SPACE) === '' && at < field.length && field[at] !== ',') {
      return { message: 'expected a space after the scheme', at }
    }
    const params = new Map<string, string>()
    items.push({ scheme, token68: readToken68(), params })
    for (;;) {
      const start = at
      take(SEPARATORS)
      const name = take(TOKEN).toLowerCase()
      take(SPACE)
      if (name === '' || field[at] !== '=') {
        at = start
        break
      }
      at++
      take(SPACE)
      const value = field[at] === '"' ? readQuoted() : take(TOKEN)
      if (value === null) return { message: 'unterminated quoted string', at: start }
      if (value === '' && field[at - 1] !== '"') return { message: `expected a value for "${name}"`, at }
      if (params.has(name)) return { message: `duplicate parameter "${name}"`, at: start }
      params.set(name, value)
      take(SPACE)
      if (at < field.length && field[at] !== ',') return { message: 'expected a comma', at }
    }
    const separator = take(SEPARATORS)
    if (at < field.length && !separator.includes(',')) return { message: 'expected a comma', at }
  }
  return items

  /** A token68 is told from a parameter name by what follows: the end, or a comma. */
  function readToken68(): string | null {
    const token = take(TOKEN68)
    return token === '' ? null : token
  }

  /** RFC 9110 section 5.6.4; leaves `at` behind the closing quote, or returns `null` when there is none. */
  function readQuoted(): string | null {
    let value = ''
    let from = ++at
    for (; at < field.length; at++) {
      if (field[at] === '"') return value + field.slice(from, at++)
      if (field[at] === '\\') {
        value += field.slice(from, at++)
        from = at
      }
    }
    return null
  }
}

/** Whether {@link parseAuthItems} failed. */
export function isAuthSyntaxError(
  parsed: readonly AuthItem[] | AuthSyntaxError,
): parsed is AuthSyntaxError {
  return 'message' in parsed
}

/**
 * Formats one challenge; every value is a quoted string.
 *
 * @throws TypeError when a value has characters that a field cannot carry: controls, or anything past ASCII.
 */
export function formatAuthItem(scheme: string, params: Iterable<readonly [name: string, value: string]>): string {
  const parts: string[] = []
  for (const [name, value] of params) {
    if (!/^[\t\x20-\x7e]*$/.test(value)) throw new TypeError(`parameter "${name}" has a character outside ASCII`)
    parts.push(`${name}="${value.replace(/["\\]/g, '\\$&')}"`)
  }
  return `${scheme} ${parts.join(', ')}`
}
