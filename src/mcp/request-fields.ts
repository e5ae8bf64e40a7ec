import * as z from 'zod/mini'
import type { LimitOption } from '../client.ts'
import { assetIdOf } from '../client.ts'
import { CallError } from './call-error.ts'
import type { Call } from './tool.ts'

const price = z.union([
  z.string().check(z.regex(/^(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?$/)),
  z.number().check(z.gte(0), z.lte(1e15)),
])

/** A URL that is asked for. */
export const target = (what: string) =>
  z.url({ protocol: /^https?$/ }).check(z.maxLength(8000), z.describe(`${what}; http or https`))

/** Inputs that describe a request. */
export const requestFields = {
  method: z
    ._default(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']), 'GET')
    .check(z.describe('HTTP method, default GET')),
  headers: z
    .optional(z.record(z.string(), z.string()))
    .check(z.describe('Further header fields. Payment and session fields are added by the tool.')),
  body: z
    .optional(z.string().check(z.maxLength(1_000_000)))
    .check(z.describe('Request body; sent as application/json unless headers say otherwise')),
  timeout_ms: z
    ._default(z.int().check(z.gte(1000), z.lte(60_000)), 30_000)
    .check(z.describe('How long it may take, milliseconds, 1000 to 60000, default 30000')),
}

/** Inputs that limit a payment. */
export const paymentFields = {
  max_payment: z
    .optional(price)
    .check(
      z.describe(
        'Most that this may cost, US dollars such as "0.05". Default: what the wallet\'s budget allows',
      ),
    ),
  max_payment_eth: z
    .optional(price)
    .check(
      z.describe(
        'The same for offers in ETH, in whole ETH. Without max_payment the number holds for dollars too',
      ),
    ),
}

/** A request as the fields describe it. */
export interface RequestInput {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  readonly timeout_ms: number
}

/**
 * The request that a call describes, which ends with the call or its time.
 *
 * @throws CallError.
 */
export function requestOf(
  url: string,
  input: RequestInput,
  { signal, reaches, redirect }: Call,
): RequestInit {
  const { username, password } = new URL(url)
  if (username !== '' || password !== '') throw new CallError('A URL has no user and password here.')
  if (!reaches(new URL(url)))
    throw new CallError(`The configuration of this server does not let it talk to ${url}.`)
  const { method, body, timeout_ms } = input
  if (body !== undefined && method === 'GET') throw new CallError('A GET has no body: choose another method.')
  const headers = new Headers({ accept: 'application/json, text/plain, */*' })
  if (body !== undefined) headers.set('content-type', 'application/json')
  for (const [name, value] of Object.entries(input.headers ?? {})) {
    try {
      headers.set(name, value)
    } catch {
      throw new CallError(`${JSON.stringify(name)} is no header field, or has no valid value.`)
    }
  }
  return {
    method,
    headers,
    redirect,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)]),
    ...(body !== undefined && { body }),
  }
}

/** What `payFetch` knows a request by, when it looks for a payment that was made for it. */
export function payable(url: string, method: string, body = ''): string {
  return JSON.stringify([method, new URL(url).href, body])
}

/**
 * What a call may cost; `undefined` when only the budget says. Nobody here knows what an ETH is worth, but it is more than a
 * dollar: a limit that was given for ETH alone holds for dollars as the same number, so that nothing costs more than was
 * meant. Tokens that nothing was said about are not paid with.
 */
export function limitOf(
  { max_payment, max_payment_eth }: { readonly max_payment?: Price; readonly max_payment_eth?: Price },
  { assets }: Pick<Call, 'assets'>,
): LimitOption | undefined {
  const usd = priceOf(max_payment ?? max_payment_eth)
  if (usd === undefined) return undefined
  const others = assets.filter(({ isDollar = true }) => !isDollar)
  const limits = others.map(({ network, address, symbol }) => [
    assetIdOf(network, address),
    /^W?ETH$/i.test(symbol) ? (priceOf(max_payment_eth) ?? '0') : '0',
  ])
  return { usd, ...Object.fromEntries(limits) }
}

type Price = string | number | undefined

function priceOf(price: Price): string | undefined {
  if (typeof price !== 'number') return price
  // Never in exponents; what is finer than this is no price.
  return price.toFixed(12).replace(/\.?0+$/, '')
}
