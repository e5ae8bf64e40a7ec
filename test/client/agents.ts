import { privateKeyToAccount } from 'viem/accounts'
import type { PayFetchOptions } from '../../src/client/engine.ts'
import { type PayFetch, payFetch } from '../../src/client/pay-fetch.ts'
import type { PolicyOptions } from '../../src/client/policy.ts'
import { type Chains, createPayerFor } from '../clients/kinds.ts'
import type { Payer } from '../clients/payers.ts'

/** A way to pay, as our client knows it. */
export interface AgentKind {
  readonly name: string
  readonly chain: keyof Chains
  readonly policy: PolicyOptions
  readonly tempoMode?: 'pull' | 'push'
  /** Field that carries its credential, among those of a 402 that offers everything. */
  readonly credential: 'payment-signature' | 'x-payment' | 'authorization'
}

const EVM = 'eip155:84532'
const TEMPO = 'eip155:42431'

/** Every way to pay but x402 version 1, which takes a server that speaks nothing else. */
export const agentKinds: readonly AgentKind[] = [
  {
    name: 'x402 v2',
    chain: 'evm',
    policy: { protocols: ['x402'], networks: [EVM] },
    credential: 'payment-signature',
  },
  {
    name: 'MPP evm',
    chain: 'evm',
    policy: { protocols: ['mpp'], networks: [EVM] },
    credential: 'authorization',
  },
  {
    name: 'MPP tempo pull',
    chain: 'tempo',
    policy: { protocols: ['mpp'], networks: [TEMPO] },
    credential: 'authorization',
  },
  {
    name: 'MPP tempo push',
    chain: 'tempo',
    policy: { protocols: ['mpp'], networks: [TEMPO] },
    tempoMode: 'push',
    credential: 'authorization',
  },
]

/** An agent with a payer of its own. */
export interface Agent {
  readonly payer: Payer
  readonly pay: PayFetch
}

/** A client of ours that pays from an account. */
export function payFrom(
  payer: Payer,
  chains: Partial<Chains>,
  options: Partial<PayFetchOptions> = {},
): PayFetch {
  return payFetch({
    wallet: privateKeyToAccount(payer.privateKey),
    budget: { total: '100' },
    rpc: {
      ...(chains.evm && { [EVM]: chains.evm.url }),
      ...(chains.tempo && { [TEMPO]: chains.tempo.url }),
    },
    ...options,
  })
}

/** An agent that pays in one way only, with ten dollars. */
export async function createAgent(
  kind: AgentKind,
  chains: Chains,
  options: Partial<PayFetchOptions> = {},
): Promise<Agent> {
  // The official clients of the same chain are funded in the same way.
  const payer = await createPayerFor({ ...kind, receipt: 'payment-receipt', connect: () => fetch }, chains)
  const { policy, tempoMode } = kind
  return { payer, pay: payFrom(payer, chains, { policy, ...(tempoMode && { tempoMode }), ...options }) }
}

/** The error of a promise, which must be rejected. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error('it was not rejected')
    },
    (error) => error,
  )
}
