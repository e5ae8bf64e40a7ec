import {
  CofferError,
  type LimitOption,
  type PaidAnswer,
  type PayFetch,
  type PayFetchOptions,
  payFetch,
  paymentOf,
} from '../src/client.ts'
import { canonicalJson, mpp, x402 } from '../src/mcp-wire.ts'
import type { ToolResult } from './tool-answer.ts'
import { IDEMPOTENCY_KEY, type Meta, SESSION, SESSION_TOKEN } from './tool-call.ts'
import { toResponse, toUnpaidResponse } from './tool-response.ts'

export type { ToolResult } from './tool-answer.ts'
export type { Meta } from './tool-call.ts'

/** A call of a tool, as clients of MCP take it. */
export type ToolCallParams = {
  name: string
  arguments?: Record<string, unknown>
  _meta?: Record<string, unknown>
}

/** What calls tools: `(params, options) => client.callTool(params, undefined, options)`, in version 2 of the SDK without the second. */
export type CallTool<Result extends ToolResult> = (
  params: ToolCallParams,
  options: { signal: AbortSignal },
) => Promise<Result>

/** What {@link payTools} takes: what `payFetch` does, and whom it speaks to. */
export interface PayToolsOptions extends Omit<PayFetchOptions, 'fetch'> {
  /**
   * URL that stands for the server in budgets, in policies and in the journal: that of its endpoint. One on stdio has none; give it
   * one of your own, such as `http://localhost/weather`.
   */
  readonly server: string | URL
}

/** What a call may say besides its arguments. */
export interface PayToolInit {
  /** Whether it may be paid for. Otherwise the result that asks for payment is returned. Default true. */
  readonly pay?: boolean
  /** Most that it may cost, beside the budget. */
  readonly max?: LimitOption
  /** Id of the session to use; `false` for none. Default: one that covers the tool. */
  readonly session?: string | false
  readonly signal?: AbortSignal
}

/** What calls tools and pays for them. What it throws is what {@link PayFetch} throws, and what the client of MCP does. */
export interface PayTools<Result extends ToolResult>
  extends Pick<PayFetch, 'attempts' | 'abandon' | 'spending'> {
  callTool(params: ToolCallParams, init?: PayToolInit): Promise<Result>
  /**
   * Sends the payment of an attempt again, and returns the result.
   *
   * @returns `null` when no money moved for it, and none will.
   */
  resume(id: string): Promise<Result | null>
  /** What was paid for a result of {@link callTool}; `null` when nothing was. */
  paymentOf(result: Result): PaidAnswer | null
}

/** Names what a call says beside its arguments, from `callTool` to where it is sent. */
const CALL = 'x-tool-call'

/**
 * Pays for tools of MCP servers as `payFetch` pays for answers over HTTP: with x402 and MPP, within the same budget, by the same journal,
 * and never twice for one call.
 *
 * ```ts
 * const tools = payTools((params, options) => client.callTool(params, undefined, options), {
 *   server: 'https://mcp.example.com/mcp', wallet, budget: { payment: '0.10', day: '5' }, store: sqlite('agent.db'),
 * })
 * const result = await tools.callTool({ name: 'report', arguments: { city: 'Rome' } })
 * ```
 *
 * @throws CofferError `invalid-option`.
 */
export function payTools<Result extends ToolResult>(
  call: CallTool<Result>,
  { server, ...options }: PayToolsOptions,
): PayTools<Result> {
  if (!URL.canParse(server)) throw new CofferError('invalid-option', 'server: expected an absolute URL')
  const base = new URL(server).href.replace(/[?#].*$/, '').replace(/\/$/, '')
  const sessionHeader = (options.sessions !== false && options.sessions?.header) || 'X-PRUDRA-SESSION-ID'
  const outcomes = new WeakMap<Response, { readonly result: Result } | { readonly error: unknown }>()
  const payments = new WeakMap<Result, PaidAnswer>()
  const metas = new Map<string, Meta>()
  let calls = 0
  const pay = payFetch({ ...options, fetch: (input) => send(input as Request) })

  async function send(request: Request): Promise<Response> {
    const { headers, signal } = request
    const meta: Record<string, unknown> = {
      ...metas.get(headers.get(CALL) ?? ''),
      ...x402.credentialMeta(headers),
      ...mpp.credentialMeta(headers),
      ...named(SESSION, headers.get(sessionHeader)),
      ...named(SESSION_TOKEN, headers.get('x-session-token')),
      ...named(IDEMPOTENCY_KEY, headers.get('idempotency-key')),
    }
    const params = {
      name: decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? ''),
      arguments: (await request.json()) as Record<string, unknown>,
      ...(Object.keys(meta).length > 0 && { _meta: meta }),
    }
    try {
      const result = await call(params, { signal })
      return remember(toResponse(result, sessionHeader), { result })
    } catch (error) {
      const unpaid = toUnpaidResponse(error)
      if (unpaid === null) throw error
      return remember(unpaid, { error })
    }
  }

  function remember(response: Response, outcome: { result: Result } | { error: unknown }): Response {
    outcomes.set(response, outcome)
    return response
  }

  /** What the call brought that `payFetch` has settled for. */
  function resultOf(response: Response): Result {
    const outcome = outcomes.get(response) ?? {
      error: new CofferError('invalid-state', 'the answer is of no call'),
    }
    if ('error' in outcome) throw outcome.error
    const payment = paymentOf(response)
    if (payment !== null) payments.set(outcome.result, payment)
    return outcome.result
  }

  return {
    async callTool({ name, arguments: args = {}, _meta = {} }, init = {}) {
      const id = String(calls++)
      metas.set(id, _meta)
      try {
        const request = {
          method: 'POST',
          headers: { 'content-type': 'application/json', [CALL]: id },
          body: canonicalJson(JSON.parse(JSON.stringify(args))),
        }
        return resultOf(await pay(`${base}/${encodeURIComponent(name)}`, { ...init, ...request }))
      } finally {
        metas.delete(id)
      }
    },
    async resume(id) {
      const response = await pay.resume(id)
      return response && resultOf(response)
    },
    paymentOf: (result) => payments.get(result) ?? null,
    attempts: pay.attempts,
    abandon: pay.abandon,
    spending: pay.spending,
  }
}

function named(key: string, value: string | null): Meta {
  return value === null ? {} : { [key]: value }
}
