import { HTTPFacilitatorClient } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { paymentMiddleware, x402ResourceServer } from '@x402/express'
import express, { type RequestHandler } from 'express'
import { Mppx, tempo as peerTempo } from 'mppx/server'
import { verifyMessage } from 'viem'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Address } from '../../src/payments/address.ts'
import { listen } from '../adapters/server.ts'
import { type LocalFacilitator, startFacilitator } from '../chains/facilitator.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createTempoPayer, TEN_DOLLARS, tempoClient } from '../clients/payers.ts'
import { newAddress } from '../end-to-end/shop.ts'
import { at } from '../evm/signing.ts'
import { createAgent } from './agents.ts'
import { createRoom } from './hosts.ts'

const room = createRoom()
let chains: Chains
let settling: LocalFacilitator

beforeAll(async () => {
  // What peers print is theirs.
  for (const method of ['log', 'info', 'warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation(() => {})
  chains = await startChains()
  settling = await startFacilitator(chains.evm, at(chains.evm.accounts, 1))
})
afterAll(async () => {
  vi.restoreAllMocks()
  await settling?.stop()
  await stopChains(chains)
})

/** A session token, as its servers read it. */
interface Token {
  readonly walletAddress: Address
  readonly endpoint: string
  readonly scope: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly paymentTxHash: string
}

/** A server that sells `GET /data` by x402, and lets in who shows a token for a payment that the chain knows. */
async function openTokenShop() {
  const seller = newAddress()
  const tokens: Token[] = []
  let runs = 0

  async function read(req: express.Request): Promise<Token | null> {
    const [encoded = '', signature] = (req.get('x-session-token') ?? '').split('.')
    if (signature === undefined) return null
    const message = Buffer.from(encoded, 'base64url').toString()
    const token: Token = JSON.parse(message)
    const isSigned = await verifyMessage({
      address: token.walletAddress,
      message,
      signature: signature as `0x${string}`,
    })
    const receipt = await chains.evm.request('eth_getTransactionReceipt', [token.paymentTxHash])
    const isPaid =
      JSON.stringify(receipt).includes(seller.slice(2)) && JSON.stringify(receipt).includes('"0x1"')
    const isLive = token.createdAt * 1000 <= Date.now() && token.expiresAt * 1000 > Date.now()
    const isHere = `http://${req.get('host')}${req.path}`.startsWith(token.endpoint)
    return isSigned && isPaid && isLive && isHere && req.get('x-session-wallet') === token.walletAddress
      ? token
      : null
  }

  const serve: RequestHandler = (_req, res) => void res.json({ run: ++runs })
  const sessions: RequestHandler = async (req, res, next) => {
    const token = await read(req)
    if (token === null) return next()
    tokens.push(token)
    return serve(req, res, next)
  }
  const resources = new x402ResourceServer(new HTTPFacilitatorClient({ url: settling.url }))
  resources.register('eip155:84532', new ExactEvmScheme())
  const accepts = { scheme: 'exact', price: '$0.01', network: 'eip155:84532', payTo: seller } as const
  const app = express()
  app.get('/data', sessions)
  app.use(paymentMiddleware({ 'GET /data': { accepts }, 'GET /plain': { accepts } }, resources))
  app.get(['/data', '/plain'], serve)
  const served = await listen(app)
  room.after(served.close)
  return { ...served, seller, tokens, runs: () => runs }
}

describe('@x402/express', () => {
  it('with session tokens: one payment, twelve requests, over a restart', async () => {
    const server = await openTokenShop()
    const { connect, spent, payer } = await createAgent(chains.evm, room)
    const first = await connect()
    const endpoint = `${server.url}/data`
    const started = await first.call('x402_session_start', { endpoint, ttl_seconds: 7200 })
    expect(started.data, started.text).toMatchObject({ outcome: 'opened', kind: 'token', amount: '0.01' })
    const { session_id, transaction_hash, expires_at } = started.data
    let host = first
    for (let time = 0; time < 12; time++) {
      if (time === 6) {
        process.kill(first.pid, 'SIGKILL')
        host = await connect()
      }
      const { isError, text } = await host.call('x402_session_fetch', { session_id, url: endpoint })
      expect(isError, text).toBe(false)
    }
    expect(server.tokens).toHaveLength(12)
    expect(server.tokens[0]).toMatchObject({
      version: 1,
      sessionId: session_id,
      endpoint,
      scope: 'prefix',
      paymentTxHash: transaction_hash,
      paymentAmount: '0.01',
      expiresAt: Math.floor(Date.parse(expires_at) / 1000),
    })
    expect(server.tokens[0]?.walletAddress.toLowerCase()).toBe(payer.address)
    expect((await host.call('x402_session_end', { session_id })).data.outcome).toBe('forgotten')
    expect((await host.call('x402_session_fetch', { session_id, url: endpoint })).isError).toBe(true)
    expect([await spent(), await chains.evm.balanceOf(server.seller), server.runs()]).toEqual([
      10_000n,
      10_000n,
      13,
    ])
  })

  it('without: the token is not taken, and nothing but what was asked for is paid', async () => {
    const server = await openTokenShop()
    const { connect, spent } = await createAgent(chains.evm, room)
    const host = await connect()
    const endpoint = `${server.url}/plain`
    const { data } = await host.call('x402_session_start', { endpoint })
    for (let time = 0; time < 2; time++) {
      const fetched = await host.call('x402_session_fetch', { session_id: data.session_id, url: endpoint })
      expect([fetched.isError, fetched.text]).toEqual([true, expect.stringContaining('Nothing was paid')])
    }
    expect([await spent(), server.runs()]).toEqual([10_000n, 1])
    // Who starts one again wants it, also where tokens were refused before.
    const again = await host.call('x402_pay', { url: endpoint })
    expect(again.data.payment).toMatchObject({ amount: '0.01' })
    expect((await host.call('x402_session_start', { endpoint })).data.outcome).toBe('opened')
    expect([await spent(), server.runs()]).toEqual([30_000n, 3])
  })
})

describe('mppx', () => {
  it('is paid on Tempo, once a call', async () => {
    const seller = newAddress()
    let runs = 0
    const client = tempoClient(at(chains.tempo.accounts, 3).privateKey, chains.tempo)
    const currency = chains.tempo.pathUsd.address
    const methods = [peerTempo.charge({ currency, recipient: seller, getClient: () => client })] as never
    const mppx = Mppx.create({ secretKey: 'a secret of at least thirty-two bytes', realm: 'peer', methods })
    const { charge } = mppx as unknown as { charge(price: object): Parameters<typeof Mppx.toNodeListener>[0] }
    const served = await listen(async (req, res) => {
      const { status } = await Mppx.toNodeListener(charge({ amount: '0.01' }))(req, res)
      if (status !== 402) res.end(JSON.stringify({ run: ++runs }))
    })
    room.after(served.close)
    const payer = await createTempoPayer(chains.tempo)
    const { connect } = await createAgent(chains.evm, room, {
      privateKey: payer.privateKey,
      env: { COFFER_RPC_42431: chains.tempo.url },
    })
    const host = await connect()
    for (let time = 1; time <= 2; time++) {
      const { data, text } = await host.call('x402_pay', { url: `${served.url}/a` })
      expect(data, text).toMatchObject({
        payment: { amount: '0.01', network: 'eip155:42431', recipient: seller },
        answer: { untrusted_body: `{"run":${time}}` },
      })
      const spent = TEN_DOLLARS - (await chains.tempo.balanceOf(payer.address))
      expect([spent, await chains.tempo.balanceOf(seller)]).toEqual([
        BigInt(time) * 10_000n,
        BigInt(time) * 10_000n,
      ])
    }
    expect(runs).toBe(2)
  })
})
