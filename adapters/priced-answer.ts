import { mpp, x402 } from '../src/mcp-wire.ts'
import type { ToolResult } from './tool-answer.ts'
import { SESSION } from './tool-call.ts'

type HeaderField = readonly [name: string, value: string]

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
  const said = saidIn(result)
  const unpaid = toUnpaid(said, _meta['org.paymentauth/payment-required'])
  return unpaid ?? toProblem(said, headers)
}

/** The answer for an error of JSON-RPC that asks for payment; `null` for any other. */
export function toUnpaidResponse(error: unknown): Response | null {
  const { data } = (typeof error === 'object' && error !== null ? error : {}) as { data?: unknown }
  return toUnpaid([data], data)
}

function toUnpaid(said: readonly unknown[], data: unknown): Response | null {
  const parts = said.map(x402.toRequiredParts).find((each) => each !== null) ?? null
  const challenges = mpp.challengeFields(data)
  if (parts === null && challenges.length === 0) return null
  const headers = fieldsOf(...(parts?.headers ?? []), ...challenges)
  return Response.json(parts?.members ?? {}, { status: 402, headers })
}

/** A refusal of Coffer's has a status of its own; what a tool itself calls an error is one of the server's. */
function toProblem(said: readonly unknown[], headers: Headers): Response {
  const problem = said.find(isProblem)
  if (problem?.retryAfter !== undefined) headers.set('retry-after', String(problem.retryAfter))
  return Response.json(problem ?? {}, { status: problem?.status ?? 500, headers })
}

interface Problem {
  readonly status: number
  readonly code: string
  readonly retryAfter?: number
}

function isProblem(value: unknown): value is Problem {
  const { status, code, charged, retryAfter } = (value ?? {}) as Record<string, unknown>
  const isFailure = Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599
  const isOurs = typeof code === 'string' && charged !== undefined
  // A 402 without offers asks for nothing that could be paid.
  return isFailure && status !== 402 && isOurs && (retryAfter === undefined || Number.isInteger(retryAfter))
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
