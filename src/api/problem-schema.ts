import * as z from 'zod/mini'
import type { JsonObject } from '../lib/json.ts'

/** Problem details (RFC 9457), with our members. */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().check(z.describe('Machine-readable name of the reason.')),
  retryable: z.boolean().check(z.describe('Whether the same request, unchanged, can succeed later.')),
  charged: z.union([z.boolean(), z.literal('unknown')]).check(z.describe('Whether money moved.')),
  expected: z.optional(z.string()),
  got: z.optional(z.string()),
  cause: z.optional(z.string()),
})

/** The content of an answer that is a problem, in the OpenAPI document. */
export const problemContent: JsonObject = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
}
