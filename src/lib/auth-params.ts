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

/** What was wrong with a field, and where. Repeats nothing of the field, which may hold a credential. */
export interface AuthSyntaxError {
  readonly message: string
  /** Index of the offending character. */
  readonly at: number
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y
/** What stands between quotes as it is, and what may follow a backslash (RFC 9110 section 5.6.4). */
const QUOTED_TEXT = /[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]*/y
const ESCAPED = /[\t\x20-\x7e\x80-\xff]/y
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
  const atEndOfItem = (): boolean => at === field.length || field[at] === ','

  take(SEPARATORS)
  while (at < field.length) {
    const scheme = take(TOKEN)
    if (scheme === '') return { message: 'expected a scheme', at }
    if (take(SPACE) === '' && !atEndOfItem()) return { message: 'expected a space after the scheme', at }
    // A token68 is told from a parameter name by what follows: the end, or a comma.
    const token68 = take(TOKEN68)
    const params = new Map<string, string>()
    const error = token68 === '' ? readParams(params) : null
    if (error !== null) return error
    items.push({ scheme, token68: token68 === '' ? null : token68, params })
    const separators = take(SEPARATORS)
    if (at < field.length && !separators.includes(',')) return { message: 'expected a comma', at }
  }
  return items

  /** Reads parameters up to the end, or to what can only be the next scheme. */
  function readParams(params: Map<string, string>): AuthSyntaxError | null {
    for (;;) {
      const end = at
      take(SEPARATORS)
      const start = at
      const name = take(TOKEN).toLowerCase()
      take(SPACE)
      if (name === '' || field[at] !== '=') {
        at = end
        return null
      }
      at++
      take(SPACE)
      const value = field[at] === '"' ? readQuoted() : take(TOKEN) || null
      if (value === null) return { message: 'expected a value', at }
      if (params.has(name)) return { message: 'duplicate parameter', at: start }
      params.set(name, value)
      take(SPACE)
      if (!atEndOfItem()) return { message: 'expected a comma', at }
    }
  }

  /** Leaves `at` behind the closing quote; `null`, with `at` where it goes wrong, when there is none. */
  function readQuoted(): string | null {
    at++
    let value = take(QUOTED_TEXT)
    while (field[at] === '\\') {
      at++
      const escaped = take(ESCAPED)
      if (escaped === '') return null
      value += escaped + take(QUOTED_TEXT)
    }
    if (field[at] !== '"') return null
    at++
    return value
  }
}

/** Whether {@link parseAuthItems} failed. */
export function isAuthSyntaxError(parsed: readonly AuthItem[] | AuthSyntaxError): parsed is AuthSyntaxError {
  return 'message' in parsed
}

/** What stands between quotes as it is, and is plain ASCII. */
const PLAIN = /^[\t\x20\x21\x23-\x5b\x5d-\x7e]*$/

/**
 * Formats one challenge; every value is a quoted string. Parameters without a value are left out.
 *
 * @param names - Those to write, in their order. Default: all.
 * @throws TypeError when a value has characters that a field cannot carry: controls, or anything past ASCII.
 */
export function formatAuthItem(
  scheme: string,
  params: Readonly<Record<string, string | undefined>>,
  names?: readonly string[],
): string {
  const text = formatParams(params, names)
  return text === '' ? scheme : `${scheme} ${text}`
}

/** The parameters of {@link formatAuthItem}. */
export function formatParams(
  params: Readonly<Record<string, string | undefined>>,
  names: readonly string[] = Object.keys(params),
): string {
  let text = ''
  for (const name of names) {
    const value = params[name]
    if (value === undefined) continue
    const separator = text === '' ? '' : ', '
    text += `${separator}${name}="${PLAIN.test(value) ? value : quoted(name, value)}"`
  }
  return text
}

function quoted(name: string, value: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(value)) {
    throw new TypeError(`parameter "${name}" has a control character or one outside ASCII`)
  }
  return value.replace(/["\\]/g, '\\$&')
}
