import type { HeaderField } from '../protocols/protocol.ts'

/** The handler's own CORS decision stands; `Vary` is added to. */
export function keepHandlers(
  [name, value]: HeaderField,
  headers: Pick<Headers, 'get'>,
): readonly HeaderField[] {
  const own = headers.get(name)
  if (own === null) return [[name, value]]
  return name === 'access-control-allow-origin' ? [] : [[name, `${own}, ${value}`]]
}

/** What was paid for is for the payer: no shared cache may keep it (RFC 9111 section 5.2.2.7). */
export function privately(cacheControl: string | null): string {
  return cacheControl !== null && /\b(?:private|no-store)\b/i.test(cacheControl) ? cacheControl : 'private'
}

/** The response with other fields and, when it had to be read, another body. */
export function withFields(response: Response, body: BodyInit | null, set: readonly HeaderField[]): Response {
  const answer = new Response(body, response)
  for (const [name, value] of set) answer.headers.set(name, value)
  return answer
}
