import type { Fields, HeaderField } from '../lib/message.ts'
import { crossOriginFields } from './cross-origin.ts'
import type { Settings } from './settings.ts'

/** What every answer behind the gate gets: CORS, where the handler has not decided itself, and privacy. */
export function answerFields(request: Fields, answer: Fields, settings: Settings): readonly HeaderField[] {
  const fields: HeaderField[] = []
  for (const field of crossOriginFields(request, settings)) {
    const shared = keepHandlers(field, answer.get(field[0]))
    if (shared !== null) fields.push(shared)
  }
  fields.push(['cache-control', privately(answer.get('cache-control'))])
  return fields
}

/** The handler's own CORS decision stands: `null`. To lists such as `Vary` is added what they lack. */
function keepHandlers(field: HeaderField, own: string | null): HeaderField | null {
  const [name, value] = field
  if (own === null) return field
  if (name === 'access-control-allow-origin') return null
  const members = split(own)
  const isThere = (member: string): boolean =>
    members.some((each) => each.toLowerCase() === member.toLowerCase())
  const missing = split(value).filter((member) => !isThere(member))
  return [name, [...members, ...missing].join(', ')]
}

const split = (list: string): readonly string[] => list.split(',').map((member) => member.trim())

/** What was paid for is for the payer: no shared cache may keep it (RFC 9111 section 5.2.2.7). */
function privately(cacheControl: string | null): string {
  return cacheControl !== null && /\b(?:private|no-store)\b/i.test(cacheControl) ? cacheControl : 'private'
}

/** The response with other fields and, when it had to be read, another body. */
export function withFields(response: Response, body: BodyInit | null, set: readonly HeaderField[]): Response {
  const answer = new Response(body, response)
  for (const [name, value] of set) answer.headers.set(name, value)
  return answer
}

/** Fields of which some are set to something else, in place of any of the same name. */
export function replaceFields(
  fields: Iterable<readonly [name: string, value: string]>,
  set: readonly HeaderField[],
): readonly HeaderField[] {
  const replaced = new Set(set.map(([name]) => name.toLowerCase()))
  return [...[...fields].filter(([name]) => !replaced.has(name.toLowerCase())), ...set]
}
