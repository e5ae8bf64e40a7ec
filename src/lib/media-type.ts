/** A media type (RFC 9110 section 8.3.1). */
export interface MediaType {
  /** Type and subtype in lower case. */
  readonly essence: string
  /** Parameters by lower-case name, quoting removed. */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"'
const ESSENCE = new RegExp(`^${TOKEN}/${TOKEN}`)
const PARAMETER = new RegExp(`[ \\t]*;[ \\t]*(${TOKEN})=(${TOKEN}|${QUOTED})`, 'y')

/** Parses a media type; `null` when the text is none, or names a parameter twice. */
export function parseMediaType(text: string): MediaType | null {
  const essence = ESSENCE.exec(text)?.[0]
  if (essence === undefined) return null
  const parameters = new Map<string, string>()
  let at = essence.length
  while (at < text.length) {
    PARAMETER.lastIndex = at
    const [found, name = '', value = ''] = PARAMETER.exec(text) ?? []
    if (found === undefined || parameters.has(name.toLowerCase())) return null
    parameters.set(name.toLowerCase(), value.startsWith('"') ? unquoted(value) : value)
    at += found.length
  }
  return { essence: essence.toLowerCase(), parameters }
}

const unquoted = (text: string): string => text.slice(1, -1).replace(/\\(.)/g, '$1')
