import type { EvmNetwork } from '../../src/evm/network.ts'
import { baseSepolia } from '../../src/evm/network.ts'
import type { Settler } from '../../src/evm/settler.ts'
import { wallet } from '../../src/evm/wallet.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import type { Hex } from '../../src/lib/hex.ts'
import type { Address } from '../../src/payments/address.ts'
import { facilitator } from '../../src/protocols/x402/facilitator.ts'
import { createFakeChain } from '../../src/testing/fake-chain.ts'
import { createFakeClock } from '../../src/testing/fake-clock.ts'
import { createFakeFacilitator } from '../../src/testing/fake-facilitator.ts'
import { createTestPayer, type PayerDialect, type TestPayer } from '../../src/testing/test-payer.ts'
import { startEvmChain } from '../chains/evm.ts'
import { startFacilitator } from '../chains/facilitator.ts'
import { createPayer, type Payer } from '../clients/payers.ts'
import { at } from '../evm/signing.ts'

/** A chain that scenarios are played on: the fake one, or a real one. */
export interface World {
  readonly clock: Clock
  /** The chain as a network; a wallet with gas money settles unless somebody else does. */
  network(settle?: Settler): EvmNetwork
  /** The settler that is a facilitator of this world: the fake one, or the SDK's. */
  facilitator(): Settler
  balanceOf(account: Address): Promise<bigint>
  /** An account with so many base units of USDC, and its key. */
  account(units: bigint): Promise<Payer>
  /** Gives an account native currency. */
  giveGasMoney(account: Address): Promise<void>
  payer(protocol: PayerDialect, funds?: string): Promise<TestPayer>
  /** Lets blocks come. */
  mine(blocks: number): Promise<void>
  /** Lets chain time pass. */
  wait(seconds: number): Promise<void>
  stop(): Promise<void>
}

/** The two worlds, by name. */
export const worlds: readonly (readonly [name: string, open: () => Promise<World>])[] = [
  ['the fake chain', openFake],
  ['a real chain', openReal],
]

async function openFake(): Promise<World> {
  const clock = createFakeClock(Date.now())
  const chain = createFakeChain({ clock })
  const fake = createFakeFacilitator(chain)
  return {
    clock,
    network: (settle) => chain.network(settle && { settle }),
    facilitator: () => facilitator(fake.endpoint),
    balanceOf: async (account) => chain.balanceOf(account),
    async account(units) {
      const account = createPayer()
      chain.fund(account.address, units)
      return account
    },
    giveGasMoney: async (account) => chain.setGasMoney(account),
    payer: async (protocol, funds = '10') => createTestPayer({ chain, protocol, funds }),
    mine: async (blocks) => clock.advance(2000 * blocks),
    wait: async (seconds) => clock.advance(1000 * seconds),
    stop: async () => {},
  }
}

async function openReal(): Promise<World> {
  const chain = await startEvmChain()
  const sdk = await startFacilitator(chain, at(chain.accounts, 1))
  const own = wallet(at(chain.accounts, 0).privateKey)
  const network = (settle: Settler = own): EvmNetwork => baseSepolia({ rpc: chain.url, settle })
  let ahead = 0
  return {
    clock: () => systemClock() + ahead,
    network,
    facilitator: () => facilitator({ url: sdk.url }),
    balanceOf: chain.balanceOf,
    async account(units) {
      const account = createPayer()
      await chain.mint(account.address, units)
      return account
    },
    async giveGasMoney(account) {
      await chain.request('anvil_setBalance', [account, '0xde0b6b3a7640000' satisfies Hex])
    },
    async payer(protocol, funds = '10') {
      const minted: Promise<void>[] = []
      const payer = createTestPayer({
        chain: {
          id: network().id,
          asset: chain.usdc,
          clock: systemClock,
          rpc: { url: chain.url },
          fund: (account, amount) => void minted.push(chain.mint(account as Address, amount)),
        },
        protocol,
        funds,
      })
      await Promise.all(minted)
      return payer
    },
    mine: (blocks) => chain.mine(blocks),
    async wait(seconds) {
      await chain.request('evm_increaseTime', [seconds])
      await chain.mine()
      ahead += seconds * 1000
    },
    async stop() {
      await sdk.stop()
      await chain.stop()
    },
  }
}
