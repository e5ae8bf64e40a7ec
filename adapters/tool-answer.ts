import type { JsonObject } from '../src/index.ts'
import { mpp, x402 } from '../src/mcp-wire.ts'
import { type Meta, PROBLEM, SESSION, type ToolCall } from './tool-call.ts'

/** What a tool answers (`CallToolResult` of MCP), as far as payments have to do with it. */
export type ToolResult = {
  content?: readonly { type: ContentType | (string & {}) }[] | undefined
  isError?: boolean | undefined
  structuredContent?: unknown
  /** Anything but `complete`, the default, asks for another round (MCP 2026-07-28). */
  resultType?: string | undefined
  _meta?: Meta | undefined
}

/** Named, so that a handler's own `type: 'text'` keeps its type where nothing else says what it is. */
type ContentType = 'text' | 'image' | 'audio' | 'resource' | 'resource_link'

/** What a call gets in place of the result of its tool: it is not paid for, or refused. */
export type RefusedCall = {
  content: { type: 'text'; text: string }[]
  structuredContent?: Record<string, unknown>
  isError: true
  _meta: Record<string, unknown>
}

/** The error of JSON-RPC that says what {@link RefusedCall} says of a call that is not paid for. */
export interface UnpaidError {
  /** -32042 payment required, -32043 payment not verified, -32602 malformed credential (draft-payment-transport-mcp-00). */
  readonly code: -32042 | -32043 | -32602
  readonly message: string
  /** Challenges of MPP in `challenges`, the PaymentRequired of x402 v2 in `x402`, that of v1 in its own members. */
  readonly data: Record<string, unknown>
}

/** The answer that the gate sees: its status says whether the tool has delivered. */
export function toAnswer(result: ToolResult, { challengeId }: ToolCall): Response {
  const isComplete = (result.resultType ?? 'complete') === 'complete'
  const hasDelivered = result.isError !== true && isComplete
  return Response.json({ result, challengeId }, { status: hasDelivered ? 200 : 500 })
}

/** How {@link readAnswer} writes what the gate has decided. */
export interface ReadOptions {
  /** URL of the tool, as x402 names it. */
  readonly resource: string
  readonly sessionHeader: string
  /** Whether `structuredContent` is for the results of the tool alone: clients check it against the schema of the tool. */
  readonly isStructured: boolean
  /** What to throw in place of a result that asks for payment; `null` for nothing. */
  readonly toError: ((error: UnpaidError) => Error) | null
}

/** What the caller gets: the result of its tool with the receipts, or why there is none. */
export async function readAnswer<Result>(
  response: Response,
  options: ReadOptions,
): Promise<Result | RefusedCall> {
  const { headers } = response
  const body = await response.json()
  if (headers.get('content-type') === 'application/problem+json') return refuse(headers, body, options)
  const { result, challengeId } = body
  const session = headers.get(options.sessionHeader)
  const meta = {
    ...x402.receiptMeta(headers),
    ...mpp.receiptMeta(headers, challengeId),
    ...(session !== null && { [SESSION]: session }),
  }
  return Object.keys(meta).length === 0 ? result : { ...result, _meta: { ...result._meta, ...meta } }
}

function refuse(headers: Headers, body: JsonObject, options: ReadOptions): RefusedCall {
  const { x402Version: _version, error: _error, accepts: _accepts, ...own } = body
  const retryAfter = headers.get('retry-after')
  const problem = {
    ...own,
    // What the gate says of this one is about fields.
    ...(own['code'] === 'payment-required' && { detail: 'This tool is paid for.' }),
    ...(retryAfter !== null && { retryAfter: Number(retryAfter) }),
  }
  const forX402 = x402.readPaymentRequired(headers, body, options.resource)
  const forMpp = mpp.readPaymentRequired(headers, problem)
  const isUnpaid = forX402 !== null || forMpp !== null
  if (isUnpaid && options.toError !== null) {
    const data = { ...forX402?.v1, problem, ...forMpp?.data, ...(forX402 && { x402: forX402.v2 }) }
    throw options.toError({ code: mpp.errorCode(problem), message: String(body['title']), data })
  }
  const told = forX402?.v2 ?? problem
  return {
    content: [{ type: 'text', text: JSON.stringify(told) }],
    ...(!options.isStructured && { structuredContent: { ...told } }),
    isError: true,
    _meta: { ...forX402?.meta, ...forMpp?.meta, [PROBLEM]: problem },
  }
}
