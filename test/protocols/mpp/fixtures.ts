import { systemRandom } from '../../../src/lib/id.ts'
import type { JsonObject } from '../../../src/lib/json.ts'
import { parsePrice } from '../../../src/payments/amount.ts'
import type { NewPayment, Payment } from '../../../src/payments/payment.ts'
import { afterSettlement, claimed } from '../../../src/payments/payment.ts'
import type { Settlement } from '../../../src/payments/settlement.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/problems/refusal.ts'
import type { Method } from '../../../src/protocols/mpp/method.ts'
import type { Charge, Credential, Environment, Verified } from '../../../src/protocols/protocol.ts'

export const SECRET = new TextEncoder().encode('a secret of thirty-two bytes, or more')
export const RECIPIENT = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8'

/** An environment on the machine's clock, or on one that a test sets. */
export function createEnvironment(overrides: Partial<Environment> = {}): Environment {
  return { secrets: [SECRET], clock: Date.now, random: systemRandom, ...overrides }
}

/** What `GET /report` costs: one cent, unless told otherwise. */
export function createCharge(overrides: Partial<Charge> & { readonly cost?: string } = {}): Charge {
  const { cost = '0.01', ...others } = overrides
  return {
    price: parsePrice(cost),
    recipient: () => RECIPIENT,
    url: 'https://api.example.com/report',
    route: 'GET /report',
    realm: 'api.example.com',
    description: 'One report',
    digest: null,
    settlesLater: false,
    requireKey: false,
    ttl: 300,
    expiresAt: Date.now() + 300_000,
    ...others,
  }
}

/** A method that believes every payload: what is tested is everything around it. */
export function createMethod(name: string, request: JsonObject = { amount: '10000' }): Method {
  return {
    name,
    chain: 'eip155:1',
    asset: { address: RECIPIENT, decimals: 6, symbol: 'TEST' },
    request: ({ price }) => ({ ...request, price: price.text }),
    checkPrice: () => {},
    watches: () => false,
    confirm: async () => 'final',
    reconcile: async () => ({ outcome: 'unsent', detail: name }),
    settleDeferred: async () => ({ outcome: 'unsent', detail: name }),
    verify: async () => ({
      proofs: ['mpp:eip155:1:tx:0x01'],
      asset: { address: RECIPIENT, decimals: 6, symbol: 'TEST' },
      amount: 10_000n,
      payer: RECIPIENT,
      recipient: RECIPIENT,
      evidence: {},
      deferred: null,
      settle: async () => ({ outcome: 'settled', transaction: '0x01', block: '0x02' }),
    }),
  }
}

export const UNPAID: Refusal = refuse('payment-required', 'Pay.')

/** The credential of a request with this `Authorization` field, which must be readable. */
export function readable(read: (request: Headers) => Credential | Refusal | null, field: string): Credential {
  const credential = read(new Headers({ authorization: field }))
  if (credential === null || isRefusal(credential)) throw new Error(`not readable: ${credential?.detail}`)
  return credential
}

/** What the verification found, which must not be a refusal. */
export function accepted(verified: Verified | Refusal): Verified {
  if (isRefusal(verified)) throw new Error(`refused: ${verified.reason}: ${verified.detail}`)
  return verified
}

/** The record that the ledger keeps of a verified credential, before its settlement ended. */
export function recordOf(verified: Verified, now: number): Payment {
  const payment: NewPayment = {
    id: 'pay_1',
    proofs: verified.proofs,
    protocol: 'mpp',
    method: verified.method,
    network: verified.network,
    asset: verified.asset.address,
    amount: verified.amount.toString(),
    decimals: verified.asset.decimals,
    payer: verified.payer,
    recipient: verified.recipient,
    wallet: 'main',
    route: 'GET /report',
    digest: null,
    settle: 'before',
    credentialHash: '0x00',
    idempotency: null,
    vault: false,
    session: null,
    evidence: JSON.parse(JSON.stringify(verified.evidence)),
  }
  return claimed(payment, now, now + 1000)
}

/** The record of a payment whose settlement ended. */
export function settledRecordOf(verified: Verified, settlement: Settlement, now: number): Payment {
  return afterSettlement(recordOf(verified, now), settlement, now)
}
