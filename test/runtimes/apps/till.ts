import { type Coffer, createCoffer } from 'coffer'
import { baseSepolia, wallet } from 'coffer/evm'
import { memory, memoryBlobs } from 'coffer/memory'
import { evm, mpp, tempo } from 'coffer/mpp'
import { x402 } from 'coffer/x402'

/** Where a shop is paid. It stands in the `X-Till` field of each request, as JSON. */
export interface Till {
  readonly seller: string
  /** RPC endpoints. */
  readonly evm: string
  readonly tempo: string
  /** Of the account that settles. */
  readonly settler: `0x${string}`
  readonly apiKey: string
}

/** What is sold, and what is sold on credit until the outbox has settled it. */
export const WARE = { price: '0.01' } as const
export const LATER = { price: '0.02', settle: 'background' } as const

const coffers = new Map<string, Coffer>()

/** The seller that a request is for. */
export function cofferOf(request: Request): Coffer {
  const till = request.headers.get('x-till') ?? '{}'
  const coffer = coffers.get(till) ?? openTill(JSON.parse(till))
  coffers.set(till, coffer)
  return coffer
}

function openTill({ seller, evm: rpc, tempo: tempoRpc, settler, apiKey }: Till): Coffer {
  const network = baseSepolia({ rpc, settle: wallet(settler) })
  return createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: seller } },
    protocols: [
      x402({ networks: [network] }),
      mpp({ methods: [tempo({ rpc: tempoRpc, chainId: 42431 }), evm({ network })] }),
    ],
    store: memory(),
    vaults: { blobs: memoryBlobs() },
    apiKeys: [apiKey],
    basePath: '/coffer',
  })
}
