import type { Client } from './payer-process.ts'
import type { Way } from './shops/shop.ts'

/** A way for the money: ours and a peer's shop that take it, with the same client before them and the same chain behind. */
export interface PaymentPath {
  readonly title: string
  readonly client: Client
  readonly takes: Way
  /** Who moves the money; on Tempo nobody has to. */
  readonly settled: 'in process' | 'over HTTP'
  readonly ours: string
  readonly peer: { readonly who: 'x402' | 'mppx'; readonly name: string }
}

export const PATHS: readonly PaymentPath[] = [
  {
    title: 'x402, settled by the shop',
    client: 'x402',
    takes: 'x402',
    settled: 'in process',
    ours: 'Coffer, its wallet',
    peer: { who: 'x402', name: '@x402/express, facilitator in process' },
  },
  {
    title: 'x402, settled by a facilitator',
    client: 'x402',
    takes: 'x402',
    settled: 'over HTTP',
    ours: 'Coffer',
    peer: { who: 'x402', name: '@x402/express' },
  },
  {
    title: 'MPP tempo, pull',
    client: 'tempo-pull',
    takes: 'tempo',
    settled: 'in process',
    ours: 'Coffer',
    peer: { who: 'mppx', name: 'mppx/express' },
  },
  {
    title: 'MPP tempo, push',
    client: 'tempo-push',
    takes: 'tempo',
    settled: 'in process',
    ours: 'Coffer',
    peer: { who: 'mppx', name: 'mppx/express' },
  },
  {
    title: 'MPP evm, settled by the shop',
    client: 'evm',
    takes: 'evm',
    settled: 'in process',
    ours: 'Coffer, its wallet',
    peer: { who: 'mppx', name: 'mppx/express, facilitator in process' },
  },
]
