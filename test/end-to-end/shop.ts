import { paid } from '../../adapters/fetch.ts'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { base, baseSepolia, type EvmNetwork } from '../../src/evm/network.ts'
import type { Settler } from '../../src/evm/settler.ts'
import { wallet } from '../../src/evm/wallet.ts'
import {
  type Coffer,
  type CofferOptions,
  createCoffer,
  type Grant,
  type RouteOptions,
} from '../../src/index.ts'
import { toHex } from '../../src/lib/hex.ts'
import { systemRandom } from '../../src/lib/id.ts'
import type { Address } from '../../src/payments/address.ts'
import { evm } from '../../src/protocols/mpp/evm.ts'
import { mpp } from '../../src/protocols/mpp/index.ts'
import { tempo } from '../../src/protocols/mpp/tempo.ts'
import { x402 } from '../../src/protocols/x402/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { listen } from '../adapters/server.ts'
import type { EvmChain } from '../chains/evm.ts'
import type { TempoChain } from '../chains/tempo.ts'

/** Something that a shop sells, at a path, whatever the method. */
export interface Ware extends RouteOptions {
  /** Answers a paid request; `run` counts its runs from 1. Default: JSON that names the run. */
  readonly serve?: (request: Request, grant: Grant, run: number) => Response | Promise<Response>
}

/** What a shop has to know of its EVM chains: can be told to another process. */
export type ShopEvmChain = Pick<EvmChain, 'url' | 'chainId' | 'accounts'>

/** How a shop is set up: what a seller configures, and how it reaches the chains. */
export interface ShopOptions extends Partial<Omit<CofferOptions, 'protocols'>> {
  /** EVM chains to be paid on; MPP takes the first. */
  readonly evm?: readonly ShopEvmChain[]
  readonly tempo?: Pick<TempoChain, 'url' | 'chainId'>
  /** RPC endpoint of the first EVM chain, when it is not the chain's own; `null` for none. */
  readonly evmRpc?: string | null
  /** RPC endpoint of the Tempo chain, when it is not the chain's own. */
  readonly tempoRpc?: string
  /** Who settles on the EVM chains. Default: the first account of the chain. */
  readonly settle?: Settler
}

/** A paid API on a server of its own, which counts what it does. */
export interface Shop {
  readonly url: string
  readonly coffer: Coffer
  /** Address that is paid; new, so that its balance is what the shop has earned. */
  readonly seller: Address
  /** How often the handler of a path ran. */
  runs(path: string): number
  /** What the handlers were given, in order. */
  readonly grants: readonly Grant[]
  /** What handlers threw, in order. */
  readonly failures: readonly unknown[]
  stop(): Promise<void>
}

/** Configures a seller that is paid at a new address. */
export function createSeller(options: ShopOptions): { coffer: Coffer; seller: Address } {
  const { evm: evmChains = [], tempo: tempoChain, evmRpc, tempoRpc, settle, ...others } = options
  const seller = newAddress()
  const networks = evmChains.map((chain, at) =>
    networkOf(chain, settle ?? settlerOf(chain), at === 0 && evmRpc !== undefined ? evmRpc : chain.url),
  )
  const methods = [
    ...(tempoChain ? [tempo({ rpc: tempoRpc ?? tempoChain.url, chainId: tempoChain.chainId })] : []),
    ...networks.slice(0, 1).map((network) => evm({ network })),
  ]
  const coffer = createCoffer({
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: seller } },
    store: memory(),
    challengeLimit: false,
    ...others,
    protocols: [...(networks.length > 0 ? [x402({ networks })] : []), mpp({ methods })],
  })
  return { coffer, seller }
}

/** Opens a shop: plain Node server, `coffer/fetch` handlers, and the API for all other paths. */
export async function openShop(wares: Readonly<Record<string, Ware>>, options: ShopOptions): Promise<Shop> {
  const { coffer, seller } = createSeller(options)
  const runs = new Map<string, number>()
  const grants: Grant[] = []
  const failures: unknown[] = []
  const handlers = new Map(
    Object.entries(wares).map(([path, { serve = serveRun, ...route }]) => {
      const handler = async (request: Request, grant: Grant): Promise<Response> => {
        const run = (runs.get(path) ?? 0) + 1
        runs.set(path, run)
        grants.push(grant)
        return serve(request, grant, run)
      }
      return [path, paid(coffer, route, handler)]
    }),
  )
  const { url, close } = await listen(async (req, res) => {
    const request = toRequest(req, res)
    await sendResponse(request instanceof Response ? request : await answer(request), res)
  })

  async function answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const handle = handlers.get(pathname)
    if (handle === undefined) return coffer.fetch(request)
    return handle(request).catch((error: unknown) => {
      failures.push(error)
      return new Response('the handler failed', { status: 500 })
    })
  }

  return {
    url,
    coffer,
    seller,
    grants,
    failures,
    runs: (path) => runs.get(path) ?? 0,
    async stop() {
      await close()
      await coffer.close()
    },
  }
}

/** An address that nobody has used, nor has the key of. */
export function newAddress(): Address {
  return toHex(systemRandom(20))
}

/** A chain as a network of ours. */
function networkOf(chain: ShopEvmChain, settle: Settler, rpc: string | null): EvmNetwork {
  const preset = chain.chainId === 8453 ? base : baseSepolia
  return preset({ settle, ...(rpc !== null && { rpc }) })
}

/** One wallet per key, whatever the number of shops. */
const settlers = new WeakMap<ShopEvmChain, Settler>()

function settlerOf(chain: ShopEvmChain): Settler {
  const [account] = chain.accounts
  if (!account) throw new Error('the chain has no accounts')
  const settler = settlers.get(chain) ?? wallet(account.privateKey)
  settlers.set(chain, settler)
  return settler
}

const serveRun = (_request: Request, _grant: Grant, run: number): Response => Response.json({ run })
