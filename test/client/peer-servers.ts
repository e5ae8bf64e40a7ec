import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { HTTPFacilitatorClient } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { paymentMiddleware as honoPayment, x402ResourceServer } from '@x402/hono'
import express from 'express'
import { Hono } from 'hono'
import { Mppx, evm as peerEvm, tempo as peerTempo } from 'mppx/server'
import { paymentMiddleware as v1Payment } from 'x402-express'
import type { Authorization } from '../../src/evm/authorization.ts'
import { baseSepolia } from '../../src/evm/network.ts'
import { wallet } from '../../src/evm/wallet.ts'
import type { Hex } from '../../src/lib/hex.ts'
import type { Address } from '../../src/payments/address.ts'
import { listen } from '../adapters/server.ts'
import type { LocalFacilitator } from '../chains/facilitator.ts'
import type { Chains } from '../clients/kinds.ts'
import { tempoClient } from '../clients/payers.ts'
import { newAddress } from '../end-to-end/shop.ts'
import { at, submit } from '../evm/signing.ts'

/** A peer's server that sells `GET /a` for a cent, and says what it sold. */
export interface PeerServer {
  readonly url: string
  readonly seller: Address
  runs(): number
  close(): Promise<unknown>
}

/** Its server replaces the global `Request` and `Response` of this process, which is nothing to us. */
export async function openHono(settling: LocalFacilitator): Promise<PeerServer> {
  const seller = newAddress()
  let runs = 0
  const resources = new x402ResourceServer(new HTTPFacilitatorClient({ url: settling.url }))
  resources.register('eip155:84532', new ExactEvmScheme())
  const accepts = { scheme: 'exact', price: '$0.01', network: 'eip155:84532', payTo: seller } as const
  const app = new Hono()
  app.use(honoPayment({ 'GET /a': { accepts } }, resources))
  app.get('/a', (context) => context.json({ run: ++runs }))
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const opened = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(opened))
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seller,
    runs: () => runs,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** `x402-express`, of version 1. */
export async function openV1(settling: LocalFacilitator): Promise<PeerServer> {
  const seller = newAddress()
  let runs = 0
  const app = express()
  const routes = { 'GET /a': { price: '$0.01', network: 'base-sepolia' } } as const
  app.use(v1Payment(seller, routes, { url: settling.url as `${string}://${string}` }))
  app.get('/a', (_req, res) => void res.json({ run: ++runs }))
  return { ...(await listen(app)), seller, runs: () => runs }
}

/** mppx on Node's own server. */
export async function openMppx(kind: 'tempo' | 'evm', chains: Chains): Promise<PeerServer> {
  const seller = newAddress()
  let runs = 0
  const { usdc, accounts } = chains.evm
  const client = tempoClient(at(chains.tempo.accounts, 3).privateKey, chains.tempo)
  const methods = {
    tempo: () =>
      peerTempo.charge({
        currency: chains.tempo.pathUsd.address,
        recipient: seller,
        getClient: () => client,
      }),
    evm: () =>
      peerEvm.charge({
        chainId: 84532,
        currency: usdc.address,
        recipient: seller,
        decimals: 6,
        authorization: usdc.eip712 ?? { name: '', version: '' },
        async settle({ payload }) {
          const { from, to, value, validAfter, validBefore, nonce, signature } = payload
          const lower = (text: string) => text.toLowerCase() as Hex
          const authorization: Authorization = {
            from: lower(from),
            to: lower(to),
            value: BigInt(value),
            validAfter: BigInt(validAfter),
            validBefore: BigInt(validBefore),
            nonce: lower(nonce),
          }
          const network = baseSepolia({ rpc: chains.evm.url, settle: wallet(at(accounts, 4).privateKey) })
          const transfer = { network, asset: usdc, authorization, signature: signature as Hex, resource: '' }
          return { reference: await submit(chains.evm, at(accounts, 4), transfer) }
        },
      }),
  }
  const mppx = Mppx.create({
    secretKey: 'a secret of at least thirty-two bytes',
    realm: 'peer',
    methods: [methods[kind]()] as never,
  })
  const charge = (mppx as unknown as { charge(options: object): Parameters<typeof Mppx.toNodeListener>[0] })
    .charge
  const { url, close } = await listen(async (req, res) => {
    const outcome = await Mppx.toNodeListener(charge({ amount: '0.01' }))(req, res)
    if (outcome.status === 402) return
    res.end(JSON.stringify({ run: ++runs }))
  })
  return { url, seller, runs: () => runs, close }
}
