import { privateKeyToAccount } from 'viem/accounts'
import { afterEach } from 'vitest'
import type { PayFetchOptions } from '../../src/client/engine.ts'
import { type PayFetch, payFetch } from '../../src/client/pay-fetch.ts'
import { encodeBase64 } from '../../src/lib/base64.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { listen } from '../adapters/server.ts'
import { devKeys } from '../chains/anvil.ts'
import { record, type Sent } from '../clients/wire.ts'

/** A server that answers as a test tells it to, and remembers what it was sent. */
export interface Market {
  readonly url: string
  readonly requests: readonly Sent[]
  /** Credentials that were sent, each once. */
  credentials(): readonly string[]
  close(): Promise<void>
}

/** What a market knows of a request. */
export interface Visit {
  readonly request: Request
  readonly isPaid: boolean
  /** How many requests there were before. */
  readonly before: number
}

/** Opens a market on a free port. */
export async function openMarket(answer: (visit: Visit) => Response | Promise<Response>): Promise<Market> {
  const requests: Sent[] = []
  const { url, close } = await listen(async (req, res) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of req) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const { method = '', headers } = req
    const fields = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string])
    const target = `http://${headers.host}${req.url}`
    const request = new Request(target, { method, headers: fields, ...(body.length > 0 && { body }) })
    const before = requests.length
    requests.push(await record(request))
    const isPaid = credentialOf(Object.fromEntries(fields)) !== undefined
    const response = await answer({ request, isPaid, before })
    res.writeHead(response.status, [...response.headers].flat())
    res.end(Buffer.from(await response.arrayBuffer()))
  })
  return {
    url,
    requests,
    credentials: () => [...new Set(requests.flatMap(({ headers }) => credentialOf(headers) ?? []))],
    close,
  }
}

/** For the tests of a file or a block: opens markets that are closed after each test. */
export function createMarkets(): typeof openMarket {
  const open: Market[] = []
  afterEach(async () => {
    await Promise.all(open.splice(0).map((market) => market.close()))
  })
  return async (answer) => {
    const market = await openMarket(answer)
    open.push(market)
    return market
  }
}

function credentialOf(headers: Sent['headers']): string | undefined {
  const { authorization } = headers
  const mpp = authorization?.startsWith('Payment ') ? authorization : undefined
  return headers['payment-signature'] ?? headers['x-payment'] ?? mpp
}

export const SELLER = '0x5e11e45e11e45e11e45e11e45e11e45e11e45e11'
export const USDC = '0x036cbd53842c5426634e7929541ec2318f3dcf7e'

/** A way to pay a cent on Base Sepolia, unless told otherwise. */
export function requirement(change: JsonObject = {}): JsonObject {
  return {
    scheme: 'exact',
    network: 'eip155:84532',
    amount: '10000',
    asset: USDC,
    payTo: SELLER,
    maxTimeoutSeconds: 300,
    extra: { name: 'USDC', version: '2' },
    ...change,
  }
}

/** The field of an x402 version 2 challenge. */
export function paymentRequired(
  url: string,
  accepts: readonly JsonObject[] = [requirement()],
  more: JsonObject = {},
): string {
  return encodeBase64(JSON.stringify({ x402Version: 2, resource: { url }, accepts, ...more }))
}

/** A 402 of x402 version 2. */
export function ask(url: string, accepts?: readonly JsonObject[], init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers)
  headers.set('payment-required', paymentRequired(url, accepts))
  return new Response(null, { status: 402, ...init, headers })
}

/** The field of an x402 receipt for the payment of {@link PAYER}, unless told otherwise. */
export function paymentResponse(change: JsonObject = {}): Record<'payment-response', string> {
  const transaction = `0x${'ab'.repeat(32)}`
  const receipt = {
    success: true,
    transaction,
    network: 'eip155:84532',
    payer: PAYER,
    amount: '10000',
    ...change,
  }
  return { 'payment-response': encodeBase64(JSON.stringify(receipt)) }
}

const account = privateKeyToAccount(devKeys[1])
export const PAYER = account.address.toLowerCase()

/** A client that pays up to a dollar altogether, and waits for nobody. */
export function createClient(options: Partial<PayFetchOptions> = {}): PayFetch {
  return payFetch({ wallet: account, budget: { total: '1' }, patienceMs: 0, ...options })
}
