import type { Chains } from '../test/clients/kinds.ts'
import { createEvmPayer, createPayer, createTempoPayer, type Payer } from '../test/clients/payers.ts'
import type { PayerSetup } from './payer-process.ts'
import type { PaymentPath } from './payment-paths.ts'
import type { Process, Processes } from './process.ts'
import type { OpenShop, ShopSetup, Till } from './shops/shop.ts'
import * as terms from './terms.ts'

/** A shop on Express, which takes money at a new address. */
export interface Stall {
  readonly path: PaymentPath
  readonly name: string
  readonly isOurs: boolean
  readonly seller: Till['seller']
  readonly shop: Process<OpenShop>
}

/** Payers with ten dollars each, so many on both chains. */
export async function fundPayers({ evm, tempo }: Chains, count: number): Promise<PayerSetup> {
  const many = (create: () => Promise<Payer>): Promise<Payer[]> =>
    Promise.all(Array.from({ length: count }, create))
  return {
    evm: { url: evm.url, chainId: evm.chainId, usdc: evm.usdc },
    tempo: { url: tempo.url },
    evmPayers: await many(() => createEvmPayer(evm)),
    tempoPayers: await many(() => createTempoPayer(tempo)),
  }
}

/** Opens both shops of each path. Whoever settles has an account of its own, so that nobody disturbs another's nonces. */
export async function openStalls(
  paths: readonly PaymentPath[],
  { evm, tempo }: Chains,
  processes: Processes,
): Promise<Stall[]> {
  const accounts = evm.accounts.values()
  const nextKey = (): Till['seller'] => {
    const { value } = accounts.next()
    if (!value) throw new Error('the chain has too few accounts')
    return value.privateKey
  }
  const chain = JSON.stringify({ url: evm.url, chainId: terms.EVM_CHAIN })
  const { ready: facilitator } = await processes.start<string>('facilitator-process.ts', chain, nextKey())
  const open = async (path: PaymentPath, isOurs: boolean): Promise<Stall> => {
    const settle = path.settled === 'over HTTP' ? { facilitator } : { key: nextKey() }
    const till: Till = { seller: createPayer().address, evm: evm.url, tempo: tempo.url, settle }
    const who = isOurs ? 'coffer' : path.peer.who
    const setup: ShopSetup = { who, server: 'express', takes: path.takes, till }
    const shop = await processes.start<OpenShop>('shop-process.ts', JSON.stringify(setup))
    return { path, name: isOurs ? path.ours : path.peer.name, isOurs, seller: till.seller, shop }
  }
  return Promise.all(paths.flatMap((path) => [open(path, true), open(path, false)]))
}
