import { canonicalJson, mpp, x402 } from '../src/mcp-wire.ts'

/**
 * What a server of MCP tells a handler of its call, as far as payments have to do with it: `RequestHandlerExtra` of version 1 of
 * the SDK, `ServerContext` of version 2.
 */
export interface ToolContext {
  readonly _meta?: Meta | undefined
  readonly signal?: AbortSignal
  readonly requestInfo?:
    | { readonly headers: Readonly<Record<string, string | string[] | undefined>>; readonly url?: URL }
    | undefined
  readonly mcpReq?: { readonly _meta?: Meta | undefined; readonly signal: AbortSignal }
  readonly http?: { readonly req?: Request | undefined } | undefined
}

/** What goes beside arguments and results (MCP, section `_meta`). */
export type Meta = Readonly<Record<string, unknown>>

/** Keys of our own in {@link Meta}. */
export const PROBLEM = 'coffer/problem'
export const SESSION = 'coffer/session'
export const SESSION_TOKEN = 'coffer/session-token'
export const IDEMPOTENCY_KEY = 'coffer/idempotency-key'

/** A call of a tool, and the request that the gate takes it for. */
export interface ToolCall {
  readonly request: Request
  /** Id of the challenge of MPP that its credential answers; `null` when it answers none. */
  readonly challengeId: string | null
}

/** What {@link createToolCall} is told. */
export interface ToolCallOptions {
  readonly name: string
  readonly args: unknown
  readonly context: ToolContext
  /** Field that carries session ids. */
  readonly sessionHeader: string
}

/** Host of servers that have none, such as those on stdio. */
const NO_HOST = 'https://mcp'

/** Makes a call the request that it would be over HTTP: a `POST` of its arguments, with what pays for it in fields. */
export function createToolCall({ name, args, context, sessionHeader }: ToolCallOptions): ToolCall {
  const { signal, _meta = {} } = context.mcpReq ?? context
  const headers = new Headers({ 'content-type': 'application/json' })
  const set = (name: string, value: unknown): void => {
    if (value !== undefined && value !== null) headers.set(name, printable(value))
  }
  for (const field of [x402.credentialField(_meta), mpp.credentialField(_meta)]) if (field) set(...field)
  set(sessionHeader, _meta[SESSION])
  set('x-session-token', _meta[SESSION_TOKEN])
  set('idempotency-key', quoted(_meta[IDEMPOTENCY_KEY]))
  set('x-forwarded-for', forwardedFor(context))
  const url = new URL(
    `/tool/${encodeURIComponent(name)}`,
    context.http?.req?.url ?? context.requestInfo?.url ?? NO_HOST,
  )
  return {
    request: new Request(url, {
      method: 'POST',
      headers,
      body: canonicalJson(JSON.parse(JSON.stringify(args ?? {}, bigints))),
      ...(signal && { signal }),
    }),
    challengeId: mpp.challengeIdOf(_meta),
  }
}

/** What a client wrote, where a field can carry it. Nothing else is right where these stand, and nothing is refused there. */
function printable(value: unknown): string {
  return typeof value === 'string' && /^[\x20-\x7e]*$/.test(value) ? value : ''
}

/** As RFC 8941 section 3.3.3 writes texts. */
function quoted(value: unknown): unknown {
  return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : value
}

function forwardedFor({ http, requestInfo }: ToolContext): string | null {
  const fields = http?.req?.headers.get('x-forwarded-for') ?? requestInfo?.headers['x-forwarded-for'] ?? null
  return fields === null ? null : String(fields)
}

/** Schemas may have made of an argument what JSON has no word for. */
function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
