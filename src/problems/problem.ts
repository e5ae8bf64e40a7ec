import type { JsonObject } from '../lib/json.ts'
import { catalog } from './catalog.ts'
import type { Refusal } from './refusal.ts'

const IETF_BASE = 'https://paymentauth.org/problems/'

/** What {@link problemResponse} adds to a refusal: the challenges of a 402. */
export interface ProblemParts {
  /** Header fields to append, in order. */
  readonly headers?: Iterable<readonly [name: string, value: string]>
  /** Extension members of the problem (RFC 9457 section 3.2); cannot replace the standard ones. */
  readonly members?: JsonObject
}

/** The problem details object of a refusal (RFC 9457 section 3). */
export function problemDetails(refusal: Refusal, problemBase: string, members: JsonObject = {}): JsonObject {
  const row = catalog[refusal.reason]
  const standard = {
    type: 'ietf' in row ? IETF_BASE + row.ietf : `${problemBase}/${row.slug}`,
    title: row.title,
    status: row.status,
    detail: refusal.detail,
    code: row.slug,
    retryable: row.retryable,
    charged: row.charged,
    ...(refusal.expected !== undefined && { expected: refusal.expected }),
    ...(refusal.got !== undefined && { got: refusal.got }),
    ...(refusal.cause !== undefined && { cause: refusal.cause }),
  }
  // First for who reads it, last so that no other member replaces one.
  return { ...standard, ...members, ...standard }
}

/** The response to a refused request: a problem (RFC 9457), never cached. */
export function problemResponse(refusal: Refusal, problemBase: string, parts: ProblemParts = {}): Response {
  const body = JSON.stringify(problemDetails(refusal, problemBase, parts.members))
  // Fields go straight into the response: a `Headers` of our own would be copied, which costs as much as all of them.
  const response = new Response(body, { status: catalog[refusal.reason].status })
  const { headers } = response
  for (const [name, value] of parts.headers ?? []) headers.append(name, value)
  for (const [name, value] of Object.entries(refusal.headers ?? {})) headers.set(name, value)
  headers.set('content-type', 'application/problem+json')
  headers.set('cache-control', 'no-store')
  if (refusal.retryAfter !== undefined) headers.set('retry-after', String(refusal.retryAfter))
  return response
}
