/**
 * The fields of an answer of ours, over those that earlier middleware has set. Lists and cookies add up, other CORS fields
 * are the application's; the rest is ours.
 */
export function mergeFields(earlier: Headers, ours: Headers): Headers {
  const merged = new Headers(earlier)
  for (const [name, value] of ours) {
    const own = earlier.get(name)
    if (own === null) merged.append(name, value)
    else if (name === 'set-cookie') {
      if (!merged.getSetCookie().includes(value)) merged.append(name, value)
    } else if (name === 'vary' || name === 'access-control-expose-headers') {
      merged.set(name, [...new Set([...own.split(/, */), ...value.split(/, */)])].join(', '))
    } else if (!name.startsWith('access-control-')) merged.set(name, value)
  }
  return merged
}
