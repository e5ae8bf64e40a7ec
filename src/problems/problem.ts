import type { JsonObject } from '../lib/json.ts'
import { type Answer, type HeaderField, toResponse } from '../lib/message.ts'
import { catalog } from './catalog.ts'
import type { Refusal } from './refusal.ts'

const IETF_BASE = 'https://paymentauth.org/problems/'

/** What {@link problemAnswer} adds to a refusal: the challenges of a 402. */
export interface ProblemParts {
  /** Header fields to append, in order. */
  readonly fields?: readonly HeaderField[]
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

/** The answer to a refused request: a problem (RFC 9457), never cached. */
export function problemAnswer(
  refusal: Refusal,
  problemBase: string,
  { fields = [], members }: ProblemParts = {},
): Answer {
  const { headers = {}, retryAfter } = refusal
  return {
    status: catalog[refusal.reason].status,
    fields: [
      ...fields,
      ...Object.entries(headers),
      ['content-type', 'application/problem+json'],
      ['cache-control', 'no-store'],
      ...(retryAfter === undefined ? [] : [['retry-after', String(retryAfter)] as const]),
    ],
    body: JSON.stringify(problemDetails(refusal, problemBase, members)),
  }
}

/** {@link problemAnswer}, as a `Response`. */
export function problemResponse(refusal: Refusal, problemBase: string): Response {
  return toResponse(problemAnswer(refusal, problemBase))
}
