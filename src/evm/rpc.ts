import { type Fetch, postJson } from '../lib/exchange.ts'
import { isJsonObject, type Json, parseJsonObject } from '../lib/json.ts'
import { invalidOption } from '../problems/error.ts'
import { refuseUnknownOptions } from '../problems/options.ts'

/** A JSON-RPC endpoint of a chain. */
export interface RpcOptions {
  /** `http:` or `https:` URL. May hold an API key: it never stands in an error. */
  readonly url: string
  /** Header fields sent with every call, such as an `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>
  /** How long one call may take, milliseconds, 100 to 120 000. Default 10 000. */
  readonly timeoutMs?: number
  /** Carries the calls instead of the runtime's `fetch`: through a proxy, or to a chain in a test. Must heed `signal`. */
  readonly fetch?: Fetch
}

/** How a chain is read and written. */
export interface Rpc {
  /**
   * One JSON-RPC call, bounded in time and size, never repeated. The first one also asks for the chain id: payments on
   * another chain than the configured one would be lost.
   *
   * @throws RpcError
   */
  request(method: string, params: readonly Json[]): Promise<Json>
}

/** Where a call ended, for callers that must know whether it took effect. */
export type RpcFailure =
  /** The node answered with an error. */
  | 'error'
  /** The call took no effect: nobody was reached, or the request was turned away unread. */
  | 'unsent'
  /** Nobody knows. */
  | 'lost'

/** A call that did not succeed. Stays inside this layer; its message is fit for clients: no URL, no parameters. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly failure: RpcFailure
  /** What the node wrote; for recognizing known errors only, since it may repeat anything. */
  readonly nodeMessage: string

  constructor(failure: RpcFailure, message: string, nodeMessage = '') {
    super(message)
    this.failure = failure
    this.nodeMessage = nodeMessage
  }
}

/** Longest answer: receipts and logs of one transaction stay far below. */
const MAX_BYTES = 4 * 2 ** 20

/** JSON-RPC 2.0 section 5.1 and EIP-1474: the request was not understood or not let in, and so not carried out. */
const TURNED_AWAY = new Set([-32700, -32600, -32601, -32602, -32005])

/**
 * Describes how to reach a chain. Connects on first use.
 *
 * @throws CofferError `invalid-option`.
 */
export function createRpc(options: string | RpcOptions, chainNumber: number): Rpc {
  const given: RpcOptions = typeof options === 'string' ? { url: options } : options
  refuseUnknownOptions(given, ['url', 'headers', 'timeoutMs', 'fetch'], 'rpc')
  const { url, headers = {}, timeoutMs = 10_000, fetch } = given
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    invalidOption('rpc.url', 'an http or https URL')
  if (!(timeoutMs >= 100 && timeoutMs <= 120_000)) {
    invalidOption('rpc.timeoutMs', 'milliseconds from 100 to 120000', timeoutMs)
  }
  if (!isFields(headers)) invalidOption('rpc.headers', 'header fields that HTTP can carry')
  let checked: Promise<void> | null = null

  async function call(method: string, params: readonly Json[]): Promise<Json> {
    const body = { jsonrpc: '2.0', id: 1, method, params }
    const exchange = await postJson(url, body, headers, { timeoutMs, maxBytes: MAX_BYTES, fetch })
    if (!exchange.answered) {
      throw new RpcError(exchange.sent ? 'lost' : 'unsent', `The RPC endpoint ${exchange.why}.`)
    }
    const answer = parseJsonObject(exchange.text)
    if (isJsonObject(answer?.['error'])) throw nodeError(answer['error'])
    if (answer?.['result'] !== undefined) return answer['result']
    // A status from 300 to 499 turns the request away; 408 means that it was being waited for.
    const turnedAway = exchange.status >= 300 && exchange.status < 500 && exchange.status !== 408
    throw new RpcError(
      turnedAway ? 'unsent' : 'lost',
      `The RPC endpoint answered with status ${exchange.status} and no result.`,
    )
  }

  async function checkChain(): Promise<void> {
    const id = await call('eth_chainId', [])
    if (Number(id) === chainNumber) return
    throw new RpcError('unsent', `The RPC endpoint serves chain ${Number(id)}, not ${chainNumber}.`)
  }

  return {
    async request(method, params) {
      checked ??= checkChain().catch((error: unknown) => {
        checked = null
        throw error instanceof RpcError ? new RpcError('unsent', error.message) : error
      })
      await checked
      return call(method, params)
    },
  }
}

function nodeError({ code, message }: { readonly code?: Json; readonly message?: Json }): RpcError {
  const failure = typeof code === 'number' && TURNED_AWAY.has(code) ? 'unsent' : 'error'
  const text = `The RPC endpoint answered with error ${Number(code)}.`
  return new RpcError(failure, text, typeof message === 'string' ? message : '')
}

function isFields(headers: Readonly<Record<string, string>>): boolean {
  try {
    return new Headers({ ...headers }) !== null
  } catch {
    return false
  }
}
