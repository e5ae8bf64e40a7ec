// biome-ignore-all lint/style/noNonNullAssertion: sellers write it so
import { createServer } from 'node:http'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { api, initialise, payMiddleware, vaultMiddleware, walletMiddleware } from '../../adapters/express.ts'
import { baseSepolia, wallet } from '../../src/evm.ts'
import { memory, memoryBlobs } from '../../src/memory.ts'
import { x402 } from '../../src/x402.ts'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { x402V2 } from '../clients/official.ts'
import { createEvmPayer, TEN_DOLLARS } from '../clients/payers.ts'

/** The agent's shop, as a seller writes it: three middlewares and a handler. */
function createApp(coffer: ReturnType<typeof initialise>) {
  const app = express()
  app.use('/coffer', api(coffer))
  app.use(express.json())
  app.post(
    '/agent/step',
    walletMiddleware({ walletId: process.env['BYO_WALLET_ID'] }),
    payMiddleware({ price: '0.01', description: 'Agent step', acceptSessions: true }),
    vaultMiddleware(),
    async (req, res) => {
      const { step, query } = req.body
      const vault = req.vault!
      const result = { step, query, output: `Completed: ${step}` }
      await vault.emit('agent.step', { step, completedAt: new Date().toISOString() })
      await vault.addDocument(result, `Step: ${step}`)
      res.json({ vaultId: vault.id, sessionId: req.sessionId, step, result })
    },
  )
  app.post(
    '/agent/finish',
    walletMiddleware({ walletId: process.env['BYO_WALLET_ID'] }),
    payMiddleware({ price: '0.00', acceptSessions: true }),
    vaultMiddleware(),
    async (req, res) => {
      await req.vault!.persist() // before seal: allowed
      await req.vault!.seal('Agent session complete')
      const manifest = await req.vault!.getManifest()
      res.json({
        vaultId: req.vault!.id,
        status: 'complete',
        documents: manifest.documents,
        files: manifest.files,
      })
    },
  )
  return app
}

const API_KEY = 'an-api-key-of-thirty-two-characters-or-more'
const SELLER = `0x${'5e'.repeat(20)}` as const

let chain: EvmChain
let url: string
let close: () => Promise<void>

beforeAll(async () => {
  chain = await startEvmChain()
  const [settler] = chain.accounts
  const network = baseSepolia({ rpc: chain.url, settle: wallet(settler?.privateKey ?? '0x') })
  const coffer = initialise({
    apiKey: API_KEY,
    basePath: '/coffer',
    secret: 'a secret of at least thirty-two bytes',
    wallets: { main: { address: SELLER } },
    protocols: [x402({ networks: [network] })],
    store: memory(),
    vaults: { blobs: memoryBlobs() },
    stub: true,
  })
  const server = createServer(createApp(coffer))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  close = async () => {
    server.closeAllConnections()
    server.close()
    await coffer.close()
    await chain.stop()
  }
})
afterAll(() => close())

type Pay = (path: string, body: object, session?: string) => Promise<Response>

const post =
  (fetch: (url: string, init: RequestInit) => Promise<Response>, more: Record<string, string> = {}): Pay =>
  (path, body, session) => {
    const headers = {
      'content-type': 'application/json',
      ...(session === undefined ? more : { 'x-prudra-session-id': session }),
    }
    return fetch(url + path, { method: 'POST', body: JSON.stringify(body), headers })
  }

/** Pays once, works on with the session, and finishes. */
async function work(pay: Pay, free: Pay): Promise<void> {
  const first = await pay('/agent/step', { step: 'one', query: 'bees?' })
  expect(first.status).toBe(200)
  const session = first.headers.get('x-prudra-session-id') ?? ''
  const { vaultId, ...answer } = (await first.json()) as { vaultId: string }
  expect(answer).toEqual({
    sessionId: session,
    step: 'one',
    result: { step: 'one', query: 'bees?', output: 'Completed: one' },
  })

  const second = await free('/agent/step', { step: 'two', query: 'more' }, session)
  expect(await second.json()).toMatchObject({ vaultId, sessionId: session, step: 'two' })

  expect((await free('/agent/finish', {})).status).toBe(402)
  const finish = await free('/agent/finish', {}, session)
  const finished = (await finish.json()) as { documents: { label: string }[] }
  expect(finished).toMatchObject({ vaultId, status: 'complete', files: [] })
  expect(finished.documents.map(({ label }) => label)).toEqual(['Step: one', 'Step: two'])
  expect((await free('/agent/step', { step: 'three' }, session)).status).toBe(409)
}

describe('three middlewares and a handler', () => {
  it('pay once with a stub, work on with the session, and keep the results in its vault', async () => {
    await work(post(fetch, { 'x-payment': 'stub_1' }), post(fetch))
    const again = await post(fetch, { 'x-payment': 'stub_1' })('/agent/step', { step: 'one' })
    expect(again.status).toBe(409)
  })

  it('pay once with the official client and real money', async () => {
    const payer = await createEvmPayer(chain)
    await work(post(x402V2(payer.privateKey)), post(fetch))
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - 10_000n)
    expect(await chain.balanceOf(SELLER)).toBe(10_000n)
  })

  it('are asked about on the HTTP API, with the key of the shop', async () => {
    const ask = (key: string) =>
      fetch(`${url}/coffer/payments`, { headers: { authorization: `Bearer ${key}` } })
    expect((await ask('another key')).status).toBe(401)
    const { payments } = (await (await ask(API_KEY)).json()) as {
      payments: { route: string; amount: string }[]
    }
    expect(payments.map(({ route, amount }) => [route, amount])).toContainEqual(['POST /agent/step', '0.01'])
  })

  it('say what is missing', async () => {
    const app = express()
    app.get('/', vaultMiddleware(), () => {})
    app.use(((error, _req, res, _next) => res.status(500).send(error.message)) as express.ErrorRequestHandler)
    const server = createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const answer = await fetch(`http://127.0.0.1:${(server.address() as { port: number }).port}/`)
    expect(await answer.text()).toContain('needs payMiddleware before it')
    server.closeAllConnections()
    server.close()
  })
})
