import { openAsBlob } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { type CommandCall, type CommandOption, UsageError } from '../command.ts'

/** What is requested, as curl has it. */
export const requestOptions = {
  method: { type: 'string', short: 'X', help: 'method, default GET, or POST with --data' },
  header: {
    type: 'string',
    short: 'H',
    multiple: true,
    help: "field such as 'Accept: text/csv'; may be repeated",
  },
  data: { type: 'string', short: 'd', help: 'body; @file for a file, @- for standard input' },
} as const satisfies Record<string, CommandOption>

/** A request that the command line describes. */
export interface CommandRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: Blob | null
}

/** @throws UsageError */
export async function readRequest(call: CommandCall): Promise<CommandRequest> {
  const { values, rest } = call
  const [target, ...others] = rest
  if (target === undefined || others.length > 0) throw new UsageError('expected one URL')
  if (!URL.canParse(target) || !/^https?:$/.test(new URL(target).protocol))
    throw new UsageError('the URL has to begin with https:// or http://')
  const url = new URL(target)
  if (url.username !== '' || url.password !== '')
    throw new UsageError("the URL may hold no password: send it with -H 'Authorization: …'")
  const { headers, body } = await readMessage(call)
  const method = String(values['method'] ?? (body === null ? 'GET' : 'POST')).toUpperCase()
  if (!/^[A-Z]+$/.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(method))
    throw new UsageError('--method: expected GET, POST or another method of HTTP')
  if (body !== null && ['GET', 'HEAD'].includes(method)) throw new UsageError(`--data: ${method} has no body`)
  if (body !== null && !headers.has('content-type')) headers.set('content-type', await typeOf(body))
  return { url, method, headers, body }
}

/** Names the request. @throws UsageError */
export function addIdempotencyKey(headers: Headers, key: CommandCall['values'][string]): void {
  if (typeof key !== 'string') return
  if (!/^[\x20-\x7e]{1,255}$/.test(key) || key.trim() !== key)
    throw new UsageError('--idempotency-key: expected 1 to 255 visible characters of ASCII')
  headers.set('Idempotency-Key', key)
}

/** Fields and body. @throws UsageError */
export async function readMessage({
  values,
  terminal,
}: CommandCall): Promise<Pick<CommandRequest, 'headers' | 'body'>> {
  const headers = new Headers()
  for (const field of [values['header'] ?? []].flat()) addField(headers, String(field))
  const data = values['data']
  return { headers, body: typeof data === 'string' ? await readData(data, terminal) : null }
}

function addField(headers: Headers, field: string): void {
  const at = field.indexOf(':')
  try {
    if (at < 1) throw new TypeError()
    headers.append(field.slice(0, at), field.slice(at + 1).trim())
  } catch {
    // Its value may be a secret.
    throw new UsageError("--header: expected a field such as 'Accept: text/csv'")
  }
}

async function readData(text: string, terminal: CommandCall['terminal']): Promise<Blob> {
  if (text === '@-') return new Blob([new Uint8Array(await buffer(terminal.input()))])
  if (!text.startsWith('@')) return new Blob([text])
  try {
    // It is read when it is sent, as often as that takes.
    return await openAsBlob(text.slice(1))
  } catch {
    throw new UsageError(`--data: ${text.slice(1)} cannot be read`)
  }
}

const MAX_JSON = 4 * 2 ** 20

/** Agents mostly send JSON; what is none goes as a form, as with curl. */
async function typeOf(body: Blob): Promise<string> {
  try {
    if (body.size > MAX_JSON) return 'application/octet-stream'
    const value: unknown = JSON.parse(await body.text())
    if (typeof value === 'object' && value !== null) return 'application/json'
  } catch {
    // Not JSON.
  }
  return 'application/x-www-form-urlencoded'
}
