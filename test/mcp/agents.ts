import { join } from 'node:path'
import type { EvmChain } from '../chains/evm.ts'
import { createEvmPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { connectStdio, type createRoom, type Host, type Setup } from './hosts.ts'

/** An agent with ten dollars, and the file that it would start `coffer mcp` with. */
export interface Agent {
  readonly payer: Payer
  readonly setup: Setup
  /** Base units that have left the wallet. */
  spent(): Promise<bigint>
  /** Starts `coffer mcp`, which ends with the test. */
  connect(more?: Partial<Setup>): Promise<Host>
}

/** Makes an agent. */
export async function createAgent(
  chain: EvmChain,
  room: ReturnType<typeof createRoom>,
  more: Partial<Setup> = {},
): Promise<Agent> {
  const payer = await createEvmPayer(chain)
  const setup: Setup = {
    privateKey: payer.privateKey,
    agent: join(room.folder(), 'agent.db'),
    ...more,
    env: { COFFER_RPC_84532: chain.url, ...more.env },
  }
  return {
    payer,
    setup,
    spent: async () => TEN_DOLLARS - (await chain.balanceOf(payer.address)),
    async connect(change = {}) {
      const host = await connectStdio({ ...setup, ...change })
      room.after(host.close)
      return host
    },
  }
}
