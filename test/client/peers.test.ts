import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { paymentOf } from '../../src/client/paid-answer.ts'
import { type LocalFacilitator, startFacilitator } from '../chains/facilitator.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { createEvmPayer, createPayer, createTempoPayer, TEN_DOLLARS } from '../clients/payers.ts'
import { openX402Express } from '../end-to-end/stalls.ts'
import { at } from '../evm/signing.ts'
import { errorOf, payFrom } from './agents.ts'
import { openHono, openMppx, openV1, type PeerServer } from './peer-servers.ts'

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

describe.each([
  [
    '@x402/express',
    'evm',
    () => openX402Express({ '/a': (_req, res) => void res.json({ run: 1 }) }, { facilitator: settling.url }),
  ],
  ['@x402/hono', 'evm', () => openHono(settling)],
  ['x402-express (version 1)', 'evm', () => openV1(settling)],
  ['mppx evm', 'evm', () => openMppx('evm', chains)],
  ['mppx tempo, pull', 'tempo', () => openMppx('tempo', chains)],
  ['mppx tempo, push', 'tempo', () => openMppx('tempo', chains)],
] as const)('%s', (name, kind, openServer) => {
  it('is paid, once and exactly, as often as it sells', async () => {
    const server: PeerServer = await openServer()
    const chain = chains[kind]
    const payer = await (kind === 'evm' ? createEvmPayer(chains.evm) : createTempoPayer(chains.tempo))
    const pay = payFrom(payer, chains, { tempoMode: name.endsWith('push') ? 'push' : 'pull' })
    for (let purchase = 1; purchase <= 3; purchase++) {
      const response = await pay(`${server.url}/a`)
      expect([response.status, await response.json()]).toEqual([200, { run: expect.any(Number) }])
      const paid = paymentOf(response)
      expect(paid).toMatchObject({ amount: '0.01', receipt: { status: 'matches' } })
      expect(await chain.request('eth_getTransactionReceipt', [paid?.transaction])).toMatchObject({
        status: '0x1',
      })
      const cents = BigInt(purchase) * 10_000n
      expect(TEN_DOLLARS - (await chain.balanceOf(payer.address))).toBe(cents)
      expect([await chain.balanceOf(server.seller), server.runs()]).toEqual([cents, purchase])
    }
    expect(await pay.spending()).toMatchObject({ usd: { held: '0', spent: '0.03' } })
    await server.close()
  })
})

describe('a payer without money', () => {
  it.each([
    [
      '@x402/express',
      () => openX402Express({ '/a': (_req, res) => void res.json({}) }, { facilitator: settling.url }),
      /simulation_failed/,
    ],
    ['@x402/hono', () => openHono(settling), /simulation_failed/],
    ['x402-express (version 1)', () => openV1(settling), /simulation_failed/],
  ] as const)('hears why from %s, and signs one credential', async (_name, openServer, why) => {
    const server: PeerServer = await openServer()
    const pay = payFrom(createPayer(), chains, { patienceMs: 0 })
    for (let time = 0; time < 2; time++) {
      const error = await errorOf(pay(`${server.url}/a`))
      expect([error['code'], server.runs()]).toEqual(['payment-rejected', 0])
      expect(error.message).toMatch(why)
    }
    expect(await pay.attempts()).toHaveLength(1)
    await server.close()
  })
})
