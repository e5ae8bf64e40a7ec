import { setTimeout as sleep } from 'node:timers/promises'
import { type VaultEvent, vaultEvents } from '../../src/client.ts'
import type { Address } from '../../src/payments/address.ts'
import type { EvmChain } from '../chains/evm.ts'
import { at } from '../evm/signing.ts'
import { type Branch, openBranch } from './branch-process.ts'
import { signCredential } from './credentials.ts'
import { newAddress } from './shop.ts'
import type { StorageSetup } from './storage.ts'

/** Base units of everything that the shop sells. */
export const PRICE = 10_000n

/** Accounts of the chain that settle, one for each branch that ever opens; the others pay. */
const SETTLERS = 5

/** An answer that came through. */
export interface Reached {
  readonly response: Response
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** One shop in several processes, by what its owner and its customers do with it. */
export interface Branches {
  /** Address that is paid; new. */
  readonly seller: Address
  /** How often the handler of `/report` ran, by payment. */
  readonly runs: ReadonlyMap<string, number>
  /** All that ever opened, in order. */
  readonly all: readonly Branch[]
  open(): Promise<Branch>
  /** Asks any branch, and another when that one dies, until it can be said what became of the request. */
  ask(path: string, headers: Headers): Promise<Reached>
  /** Signs a payment for a path; `number` chooses the payer. */
  sign(path: string, number: number): Promise<Headers>
  /** Reads the stream of a vault at a branch while that is open, and at others then, up to its end. */
  follow(branch: Branch, vault: string, token: string, signal: AbortSignal): Promise<readonly VaultEvent[]>
  close(): Promise<void>
}

/** Those who pay in a shop of branches. */
export const payersOf = (chain: EvmChain) => chain.accounts.slice(SETTLERS)

/** Opens a shop, which has no branches yet. */
export function createBranches(chain: EvmChain, storage: StorageSetup, blobs: string): Branches {
  const seller = newAddress()
  const all: Branch[] = []
  const runs = new Map<string, number>()
  let settlers = 0

  function any(): Branch {
    const open = all.filter(({ isOpen }) => isOpen)
    return at(open, Math.floor(Math.random() * open.length))
  }

  async function reach(path: string, headers = new Headers()): Promise<Reached> {
    for (;;) {
      const response = await fetch(any().url + path, { headers }).catch(() => null)
      const body = await response?.json().catch(() => null)
      if (response && body) return { response, status: response.status, body }
    }
  }

  return {
    seller,
    runs,
    all,

    async open() {
      const { url, chainId, accounts } = chain
      const settler = at(accounts.slice(0, SETTLERS), settlers++)
      const setup = { storage, seller, chain: { url, chainId, accounts: [settler] }, blobs }
      const branch = await openBranch(setup, (payment) => runs.set(payment, (runs.get(payment) ?? 0) + 1))
      all.push(branch)
      return branch
    },

    async ask(path, headers) {
      for (;;) {
        const reached = await reach(path, headers)
        if (reached.body['retryable'] !== true) return reached
        await sleep(50)
      }
    },

    async sign(path, number) {
      const { response: unpaid } = await reach(path)
      const payers = payersOf(chain)
      // The chain's clock runs ahead, since its blocks come faster than seconds.
      const order = { unpaid, seller, price: PRICE, validity: 3600 }
      return new Headers(await signCredential(chain, at(payers, number % payers.length), order))
    },

    async follow(branch, vault, token, signal) {
      const send = (request: Request): Promise<Response> => {
        const { url } = branch.isOpen ? branch : any()
        return fetch(new Request(url + new URL(request.url).pathname, request))
      }
      const events: VaultEvent[] = []
      const stream = vaultEvents(`${branch.url}/vaults/${vault}`, { token, signal, fetch: send })
      for await (const event of stream) events.push(event)
      return events
    },

    async close() {
      await Promise.all(all.map((branch) => branch.kill()))
    },
  }
}
