import { type HeaderField, mpp, x402 } from '../src/mcp-wire.ts'
import type { ToolResult } from './tool-answer.ts'
import { PROBLEM, SESSION } from './tool-call.ts'

/** The answer that HTTP would have in place of a result: what `payFetch` goes by. The result itself is not in it. */
export function toResponse(result: ToolResult, sessionHeader: string): Response {
  const { _meta = {}, isError } = result
  const session = _meta[SESSION]
  const headers = fieldsOf(
    ...x402.receiptFields(_meta),
    ...mpp.receiptFields(_meta),
    ...(typeof session === 'string' ? [[sessionHeader, session] as const] : []),
  )
  if (isError !== true) return new Response(null, { headers })
  const problem = problemIn(_meta[PROBLEM])
  const unpaid = toUnpaid(saidIn(result), _meta[mpp.PAYMENT_REQUIRED], problem)
  if (unpaid !== null) return unpaid
  const { status = 500, retryAfter } = problem ?? {}
  if (Number.isInteger(retryAfter)) headers.set('retry-after', String(retryAfter))
  return Response.json(problem ?? {}, { status, headers })
}

/** The answer for an error of JSON-RPC that asks for payment; `null` for any other. */
export function toUnpaidResponse(error: unknown): Response | null {
  const { data } = (error ?? {}) as { data?: { problem?: unknown } | null }
  return toUnpaid([data], data, problemIn(data?.problem))
}

function toUnpaid(said: readonly unknown[], data: unknown, problem: Problem | null): Response | null {
  const parts = said.map(x402.toRequiredParts).find((each) => each !== null) ?? null
  const challenges = mpp.challengeFields(data)
  if (parts === null && challenges.length === 0) return null
  const headers = fieldsOf(...(parts?.headers ?? []), ...challenges)
  return Response.json({ ...problem, ...parts?.members }, { status: 402, headers })
}

/** What a server of Coffer says of a refusal, beside what the protocols say. */
interface Problem {
  readonly status: number
  readonly retryAfter?: unknown
}

function problemIn(value: unknown): Problem | null {
  const { status } = (value ?? {}) as Partial<Problem>
  const isFailure = status !== undefined && Number.isInteger(status) && status >= 400 && status <= 599
  return isFailure ? (value as Problem) : null
}

/** What a result says in JSON, structured or as its first text. */
function saidIn({ structuredContent, content }: ToolResult): readonly unknown[] {
  const { text } = (content?.[0] ?? {}) as { text?: unknown }
  return [structuredContent, typeof text === 'string' ? parse(text) : null]
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function fieldsOf(...fields: readonly HeaderField[]): Headers {
  const headers = new Headers()
  for (const [name, value] of fields) if (/^[\t\x20-\x7e]*$/.test(value)) headers.append(name, value)
  return headers
}
