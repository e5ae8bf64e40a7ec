import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { paid } from '../../../adapters/fetch.ts'
import { toRequest } from '../../../adapters/node.ts'
import { sendResponse } from '../../../adapters/node-response.ts'
import type { Address } from '../../client.ts'
import { createCoffer } from '../../index.ts'
import { memory, memoryBlobs, memoryBus } from '../../memory.ts'
import { evm, mpp, tempo } from '../../mpp.ts'
import {
  createFakeChain,
  createFakeFacilitator,
  createFakeTempo,
  type FakeChain,
  type FakeTempo,
} from '../../testing.ts'
import { facilitator, x402 } from '../../x402.ts'

/** A paid API with everything, on a port of this machine, over chains in this process. */
export interface DemoShop {
  readonly url: string
  readonly seller: Address
  readonly chain: FakeChain
  readonly tempo: FakeTempo
  /** How often its handlers ran. */
  runs(): number
  close(): Promise<void>
}

/** Opens the shop. */
export async function openDemoShop(): Promise<DemoShop> {
  const [chain, tempoChain] = [createFakeChain(), createFakeTempo()]
  const settled = chain.network({ settle: facilitator(createFakeFacilitator(chain).endpoint) })
  const seller: Address = `0x${'5e11e2'.repeat(6)}5e11`
  let runs = 0
  const coffer = createCoffer({
    secret: crypto.randomUUID() + crypto.randomUUID(),
    wallets: { main: { address: seller } },
    protocols: [
      x402({ networks: [settled] }),
      mpp({
        methods: [tempo({ rpc: tempoChain.rpc, chainId: 42431 }), evm({ network: chain.network() })],
      }),
    ],
    store: memory(),
    vaults: { blobs: memoryBlobs(), bus: memoryBus() },
  })
  const report = paid(coffer, { price: '0.01' }, () => Response.json({ report: ++runs }))
  const working = { price: '0.05', acceptSessions: true, vault: true } as const
  const step = paid(coffer, working, async (request, { vault }) => {
    runs++
    const { searchParams } = new URL(request.url)
    const { token } = await vault.issueAccessToken()
    await vault.emit('agent.step', { step: Number(searchParams.get('step')) })
    await vault.addDocument({ step: searchParams.get('step') }, 'A step')
    if (searchParams.get('step') === '3') await vault.seal('Done')
    return Response.json({ vault: vault.id, token })
  })

  const server = createServer(async (req, res) => {
    const request = toRequest(req, res)
    await sendResponse(request instanceof Response ? request : await answer(request), res)
  })
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === '/report') return report(request)
    return pathname === '/agent/step' ? step(request) : coffer.fetch(request)
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seller,
    chain,
    tempo: tempoChain,
    runs: () => runs,
    async close() {
      await coffer.close()
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}
