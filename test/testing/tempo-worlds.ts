import { Actions } from 'viem/tempo'
import { systemClock } from '../../src/lib/clock.ts'
import { fromHex } from '../../src/lib/hex.ts'
import { systemRandom } from '../../src/lib/id.ts'
import type { Address } from '../../src/payments/address.ts'
import { type TempoOptions, tempo } from '../../src/protocols/mpp/tempo.ts'
import { createFakeTempo } from '../../src/testing/fake-tempo.ts'
import { createTestPayer, type TestPayer } from '../../src/testing/test-payer.ts'
import { startTempoChain, type TempoChain } from '../chains/tempo.ts'
import { createPayer, tempoClient } from '../clients/payers.ts'

/** A Tempo chain that scenarios are played on: the fake one, or a real one. */
export interface TempoWorld {
  readonly rpc: TempoOptions['rpc']
  method(): ReturnType<typeof tempo>
  balanceOf(account: Address): Promise<bigint>
  /** A payer with so many dollars, which pays its fees in another token; and its key. */
  payer(funds: string): Promise<TestPayer & { readonly privateKey: `0x${string}` }>
  stop(): Promise<void>
}

/** The two worlds, by name. */
export const tempoWorlds: readonly (readonly [name: string, open: () => Promise<TempoWorld>])[] = [
  ['the fake Tempo', openFake],
  ['a real Tempo', openReal],
]

async function openFake(): Promise<TempoWorld> {
  const chain = createFakeTempo()
  return {
    rpc: chain.rpc,
    method: () => tempo({ rpc: chain.rpc, chainId: 42431 }),
    balanceOf: async (account) => chain.balanceOf(account),
    async payer(funds) {
      const { privateKey } = createPayer()
      return {
        ...createTestPayer({ chain, protocol: 'mpp', funds, random: keyFirst(privateKey) }),
        privateKey,
      }
    },
    stop: async () => {},
  }
}

async function openReal(): Promise<TempoWorld> {
  const chain = await startTempoChain()
  return {
    rpc: chain.url,
    method: () => tempo({ rpc: chain.url, chainId: 42431 }),
    balanceOf: (account) => chain.balanceOf(account),
    async payer(funds) {
      const { privateKey } = createPayer()
      const funded: Promise<void>[] = []
      const payer = createTestPayer({
        chain: {
          id: 'eip155:42431',
          asset: chain.pathUsd,
          clock: systemClock,
          rpc: { url: chain.url },
          fund: (account, amount) => void funded.push(fund(chain, account as Address, amount)),
        },
        protocol: 'mpp',
        funds,
        random: keyFirst(privateKey),
      })
      await Promise.all(funded)
      const preference = { token: chain.alphaUsd.address, feeToken: chain.alphaUsd.address }
      const client = tempoClient(privateKey, chain)
      await Actions.fee.setUserTokenSync(
        client,
        preference as Parameters<typeof Actions.fee.setUserTokenSync>[1],
      )
      return { ...payer, privateKey }
    },
    stop: chain.stop,
  }
}

async function fund(chain: TempoChain, account: Address, amount: bigint): Promise<void> {
  await chain.fund(account, amount)
  await chain.fund(account, 1_000_000_000n, chain.alphaUsd)
}

/** Randomness whose first 32 bytes are a key. */
function keyFirst(key: `0x${string}`): (length: number) => Uint8Array {
  let isFirst = true
  return (length) => {
    if (!isFirst) return systemRandom(length)
    isFirst = false
    return fromHex(key)
  }
}
