import type { Answer } from '../src/index.ts'

/**
 * The fields of an answer of ours, over those that earlier middleware has set. Cookies add up; of the rest, what {@link
 * mergeField} says.
 */
export function mergeFields(earlier: Headers, ours: Headers): Headers {
  const merged = new Headers(earlier)
  for (const [name, value] of ours) {
    if (name === 'set-cookie') {
      if (!merged.getSetCookie().includes(value)) merged.append(name, value)
      continue
    }
    const field = mergeField(name, earlier.get(name), value)
    if (field !== null) merged.set(name, field)
  }
  return merged
}

/**
 * One field of ours, over what earlier middleware has set: lists add up, other CORS fields are the application's, the rest is
 * ours. `null` when the earlier one stands as it is.
 *
 * @param name - In lower case.
 */
export function mergeField(name: string, earlier: string | null, ours: string): string | null {
  if (earlier === null) return ours
  if (name === 'vary' || name === 'access-control-expose-headers') {
    return [...new Set([...earlier.split(/, */), ...ours.split(/, */)])].join(', ')
  }
  return name.startsWith('access-control-') ? null : ours
}

/** One value for each name (RFC 9110 section 5.3). */
export function joinFields(fields: Answer['fields']): ReadonlyMap<string, string> {
  const joined = new Map<string, string>()
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    const earlier = joined.get(key)
    joined.set(key, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return joined
}
