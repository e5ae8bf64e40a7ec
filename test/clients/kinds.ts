import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { startTempoChain, type TempoChain } from '../chains/tempo.ts'
import { mppEvm, mppTempo, type PayingFetch, x402V1, x402V2 } from './official.ts'
import { createEvmPayer, createTempoPayer, type Payer } from './payers.ts'

/** The chains that the clients pay on. */
export interface Chains {
  readonly evm: EvmChain
  readonly tempo: TempoChain
}

/** Starts both chains. */
export async function startChains(): Promise<Chains> {
  const [evm, tempo] = await Promise.all([startEvmChain(), startTempoChain()])
  return { evm, tempo }
}

/** Ends the chains that were started. */
export async function stopChains(chains: Chains | undefined): Promise<void> {
  await Promise.all([chains?.evm.stop(), chains?.tempo.stop()])
}

/** An official client, as agents have it. */
export interface ClientKind {
  readonly name: string
  readonly chain: keyof Chains
  /** Field that carries its credential. */
  readonly credential: 'payment-signature' | 'x-payment' | 'authorization'
  /** Field that carries its receipt. */
  readonly receipt: 'payment-response' | 'x-payment-response' | 'payment-receipt'
  connect(payer: Payer, chains: Chains, fetch?: typeof globalThis.fetch): PayingFetch
}

/** Every client that a 402 of ours must be payable by. */
export const clientKinds: readonly ClientKind[] = [
  {
    name: 'x402 v2 (@x402/fetch)',
    chain: 'evm',
    credential: 'payment-signature',
    receipt: 'payment-response',
    connect: ({ privateKey }, { evm }, fetch) => x402V2(privateKey, evm.chainId, fetch),
  },
  {
    name: 'x402 v1 (x402-fetch)',
    chain: 'evm',
    credential: 'x-payment',
    receipt: 'x-payment-response',
    connect: ({ privateKey }, { evm }, fetch) => x402V1(privateKey, evm, fetch),
  },
  {
    name: 'MPP tempo pull (mppx)',
    chain: 'tempo',
    credential: 'authorization',
    receipt: 'payment-receipt',
    connect: ({ privateKey }, { tempo }, fetch) => mppTempo(privateKey, tempo, 'pull', fetch),
  },
  {
    name: 'MPP tempo push (mppx)',
    chain: 'tempo',
    credential: 'authorization',
    receipt: 'payment-receipt',
    connect: ({ privateKey }, { tempo }, fetch) => mppTempo(privateKey, tempo, 'push', fetch),
  },
  {
    name: 'MPP evm (mppx)',
    chain: 'evm',
    credential: 'authorization',
    receipt: 'payment-receipt',
    connect: ({ privateKey }, { evm }, fetch) => mppEvm(privateKey, evm, fetch),
  },
]

/** A new payer with ten dollars on the chain that a kind of client pays on. */
export function createPayerFor({ chain }: ClientKind, { evm, tempo }: Chains): Promise<Payer> {
  return chain === 'evm' ? createEvmPayer(evm) : createTempoPayer(tempo)
}
