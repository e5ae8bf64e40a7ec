import { type Coffer, createCoffer, type Protocol, type ProtocolFactory } from 'coffer'
import { baseSepolia } from 'coffer/evm'
import { memory } from 'coffer/memory'
import { evm, type Method, mpp, tempo } from 'coffer/mpp'
import { facilitator, x402 } from 'coffer/x402'
import * as terms from './terms.ts'

/** Without an RPC: ordinary accounts are verified without one. */
const network = baseSepolia({ settle: facilitator({ url: terms.NOWHERE }) })

const tempoMethod = tempo({ rpc: terms.NOWHERE, chainId: terms.TEMPO_CHAIN })
export const evmMethod: Method = evm({ network })

/** What this seller can take. */
export const protocols = {
  x402: x402({ networks: [network] }),
  mpp: mpp({ methods: [tempoMethod, evmMethod] }),
  tempo: mpp({ methods: [tempoMethod] }),
}

/** Its one route. */
export const route = { price: terms.PRICE, description: terms.DESCRIPTION }

/** Coffer as a seller sets it up, for these protocols. */
export function createSeller(factories: readonly ProtocolFactory[]): Coffer {
  return createCoffer({
    secret: terms.SECRET,
    wallets: { main: { address: terms.SELLER } },
    protocols: factories,
    store: memory(),
    challengeTtl: 3600,
  })
}

/** A protocol inside the gate, with what the gate tells it of a request for the report. */
export interface Counter {
  readonly protocol: Protocol
  readonly charge: Parameters<Protocol['verify']>[1]
  /** The 402 to that request. */
  readonly challenge: Response
}

/** Listens in on the gate while it answers an unpaid request. */
export async function openCounter(factory: ProtocolFactory): Promise<Counter> {
  const heard: Omit<Counter, 'challenge'>[] = []
  const seller = createSeller([
    (environment) => {
      const protocol = factory(environment)
      const challenge: Protocol['challenge'] = (charge, ...rest) => {
        heard.push({ protocol, charge })
        return protocol.challenge(charge, ...rest)
      }
      return { ...protocol, challenge }
    },
  ])
  const challenge = await seller.handle(new Request(terms.REPORT_URL), route)
  const [counter] = heard
  if (!counter || !(challenge instanceof Response)) throw new Error('the gate did not challenge')
  return { ...counter, challenge }
}
