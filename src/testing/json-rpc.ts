import { quantity } from '../evm/abi.ts'
import type { Json, JsonObject } from '../lib/json.ts'

/** What a method of JSON-RPC comes to. */
export type Answer =
  | { readonly result: Json }
  | { readonly error: { readonly code: number; readonly message: string } }

/** Methods by their names. */
export type Methods = Readonly<Record<string, (params: readonly Json[]) => Answer | Promise<Answer>>>

/** Serves methods by JSON-RPC 2.0: calls one at a time, which is all that this package makes. */
export function createJsonRpc(methods: Methods): (call: JsonObject) => Promise<JsonObject> {
  return async ({ id = null, method, params }) => {
    const run = typeof method === 'string' && Object.hasOwn(methods, method) ? methods[method] : undefined
    const answer = run ? await run(Array.isArray(params) ? params : []) : UNKNOWN
    return { jsonrpc: '2.0', id, ...answer }
  }
}

/** The answer that is a number. */
export const number = (value: bigint): Answer => ({ result: quantity(value) })

/** The answer that is an error. */
export const error = (code: number, message: string): Answer => ({ error: { code, message } })

/** The answer to a call with other parameters than the method has. */
export const INVALID = error(-32602, 'invalid params')

const UNKNOWN = error(-32601, 'the method does not exist/is not available')
