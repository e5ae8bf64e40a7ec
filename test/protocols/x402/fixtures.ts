import { x402Client } from '@x402/core/client'
import { decodePaymentRequiredHeader, encodePaymentSignatureHeader } from '@x402/core/http'
import type { PaymentPayload, PaymentRequired } from '@x402/core/types'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { createWalletClient, http, publicActions } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { baseSepolia as baseSepoliaChain } from 'viem/chains'
import { createPaymentHeader } from 'x402/client'
import { PaymentRequirementsSchema } from 'x402/types'
import { base, baseSepolia, type EvmNetwork } from '../../../src/evm/network.ts'
import type { Settler } from '../../../src/evm/settler.ts'
import { encodeBase64 } from '../../../src/lib/base64.ts'
import { utf8 } from '../../../src/lib/bytes.ts'
import { systemRandom } from '../../../src/lib/id.ts'
import type { Address } from '../../../src/payments/address.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/problems/refusal.ts'
import type { Challenge, Charge, Credential } from '../../../src/protocols/protocol.ts'
import { createChallenge } from '../../../src/protocols/x402/challenge.ts'
import { type Content, readCredential } from '../../../src/protocols/x402/credential.ts'
import { devKeys } from '../../chains/anvil.ts'

/** Never asked for anything: what is tested here moves no money. */
const settler: Settler = {
  name: 'nobody',
  verify: async () => null,
  settle: async () => ({ outcome: 'unsent', detail: 'there is nobody' }),
}

/** Two chains without an RPC endpoint. */
export const networks: readonly EvmNetwork[] = [baseSepolia({ settle: settler }), base({ settle: settler })]

export const UNPAID: Refusal = refuse('payment-required', 'Pay.')

const account = privateKeyToAccount(devKeys[1])
export const PAYER = account.address.toLowerCase() as Address

/** What a charge offers, and the 402 that says so. */
export function challengeOf(charge: Charge, over = networks, refusal = UNPAID): Challenge {
  return createChallenge(over, charge, refusal, systemRandom)
}

/** The v2 part of a 402, as the official client reads it. */
export function requiredOf({ headers }: Challenge): PaymentRequired {
  const field = headers.find(([name]) => name === 'PAYMENT-REQUIRED')?.[1]
  if (field === undefined) throw new Error('the challenge has no PAYMENT-REQUIRED')
  return decodePaymentRequiredHeader(field)
}

/** What the official v2 client answers a 402 with. */
export function payV2(required: PaymentRequired, chainId = 84532): Promise<PaymentPayload> {
  return new x402Client()
    .register(`eip155:${chainId}`, new ExactEvmScheme(account))
    .createPaymentPayload(required)
}

/** The field that the official v1 client answers a 402 with. */
export function payV1({ members }: Challenge): Promise<string> {
  const accepts = PaymentRequirementsSchema.array().parse(members?.['accepts'])
  const [requirements] = accepts
  const transport = http('http://localhost:1')
  const wallet = createWalletClient({ account, chain: baseSepoliaChain, transport }).extend(publicActions)
  if (requirements === undefined) throw new Error('there is nothing to accept')
  return createPaymentHeader(wallet as unknown as Parameters<typeof createPaymentHeader>[0], 1, requirements)
}

/** The official encoding of a v2 credential. */
export const writeV2 = (payload: PaymentPayload): string => encodePaymentSignatureHeader(payload)

/** The encoding of anything at all. */
export const write = (value: unknown): string => encodeBase64(utf8(JSON.stringify(value)))

export const readV2 = (field: string): ReturnType<typeof readCredential> =>
  readCredential(new Headers({ 'payment-signature': field }))
export const readV1 = (field: string): ReturnType<typeof readCredential> =>
  readCredential(new Headers({ 'x-payment': field }))

/** What was read, which must be a credential. */
export function contentOf(credential: Credential | Refusal | null): Content {
  if (credential === null || isRefusal(credential)) throw new Error(`not readable: ${credential?.detail}`)
  return credential.content as Content
}

/** What was refused, which must be a refusal. */
export function refusalOf<Value>(value: Value | Refusal): Refusal {
  if (isRefusal(value)) return value
  throw new Error('it was not refused')
}

/** A copy of an object with one member changed, by its path; without it when the value is `undefined`. */
export function withMember<Value>(object: Value, path: string, value: unknown): Value {
  const copy = structuredClone(object)
  const names = path.split('.')
  const last = names.pop() ?? ''
  let at = copy as Record<string, unknown>
  for (const name of names) at = at[name] as Record<string, unknown>
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy
}
