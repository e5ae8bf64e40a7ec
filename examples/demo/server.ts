import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Coffer, createCoffer } from 'coffer'
import { baseSepolia, wallet } from 'coffer/evm'
import { paid } from 'coffer/express'
import { memory } from 'coffer/memory'
import { evm, mpp, tempo } from 'coffer/mpp'
import { x402 } from 'coffer/x402'
import express from 'express'

/** What the demo's seller needs to know. */
export interface SellerOptions {
  /** RPC endpoint of the EVM chain. */
  readonly evmRpc: string
  /** RPC endpoint of the Tempo chain. */
  readonly tempoRpc: string
  /** Key of the wallet that submits the payers' authorizations; it needs gas, and is not the one that is paid. */
  readonly settlerKey: `0x${string}`
  /** Address that is paid. */
  readonly payTo: string
}

/** A paid API on Express, as a seller would write it. Listens on a free port. */
export async function startSeller(
  options: SellerOptions,
): Promise<{ url: string; coffer: Coffer; server: Server }> {
  const network = baseSepolia({ rpc: options.evmRpc, settle: wallet(options.settlerKey) })
  const coffer = createCoffer({
    secret: crypto.randomUUID() + crypto.randomUUID(),
    wallets: { main: { address: options.payTo } },
    protocols: [
      x402({ networks: [network] }),
      mpp({ methods: [tempo({ rpc: options.tempoRpc, chainId: 42431 }), evm({ network })] }),
    ],
    store: memory(),
  })

  const app = express()
  app.get('/weather', paid(coffer, { price: '0.01', description: 'The weather' }), (request, response) => {
    response.json({ sky: 'clear', paidBy: request.payment?.payer })
  })
  app.post(
    '/report',
    express.json(),
    paid(coffer, { price: '0.25', description: 'A report' }),
    (request, response) => {
      response.json({ report: `On ${request.body.topic}: all is well.` })
    },
  )

  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, coffer, server }
}
