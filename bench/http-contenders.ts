import type { Load } from './http-load.ts'
import type { ShopSetup } from './shops/shop.ts'

/** A server that is loaded. */
export interface HttpContender extends ShopSetup {
  readonly name: string
  readonly note?: string
  readonly expect: Load['expect']
  /** Share of the bare server's requests that it should answer at least. */
  readonly goal?: number
}

const OK = { status: 200, fields: ['content-type'] }
const MPP = ['www-authenticate', 'cache-control', 'content-type']
const X402 = ['payment-required', 'cache-control', 'content-type']
const READABLE = 'access-control-expose-headers'

const bare = { who: 'bare', takes: 'all', expect: OK } as const
const session = { who: 'coffer', takes: 'session', expect: OK, name: 'Coffer session' } as const
const unpaid = {
  who: 'coffer',
  takes: 'all',
  expect: { status: 402, fields: [...MPP, ...X402, READABLE] },
  name: 'Coffer 402',
  note: 'x402 v2 and v1, MPP tempo and evm',
} as const
const unpaidX402 = {
  who: 'coffer',
  takes: 'x402',
  expect: { status: 402, fields: [...X402, READABLE] },
  name: 'Coffer 402',
  note: 'x402 v2 and v1',
} as const
const x402 = { who: 'x402', takes: 'x402', expect: { status: 402, fields: X402 }, note: 'x402 v2' } as const
const mppx = {
  who: 'mppx',
  takes: 'all',
  expect: { status: 402, fields: [...MPP, ...X402] },
  note: 'x402 v2, MPP tempo and evm',
} as const

/** The bare one of each server is what the others are compared with. */
export const CONTENDERS: readonly HttpContender[] = [
  { ...bare, server: 'express', name: 'Express, no payments' },
  { ...session, server: 'express', goal: 0.75 },
  // 18 000 of 33 700.
  { ...unpaid, server: 'express', goal: 0.53 },
  { ...unpaidX402, server: 'express' },
  { ...x402, server: 'express', name: '@x402/express 402' },
  { ...mppx, server: 'express', name: 'mppx/express 402' },
  { ...bare, server: 'node', name: 'node:http, no payments' },
  { ...session, server: 'node' },
  // 25 000 of 75 500.
  { ...unpaid, server: 'node', goal: 0.33 },
  { ...bare, server: 'hono', name: 'Hono, no payments' },
  { ...session, server: 'hono' },
  { ...unpaid, server: 'hono' },
  { ...x402, server: 'hono', name: '@x402/hono 402' },
  { ...mppx, server: 'hono', name: 'mppx/hono 402' },
]
