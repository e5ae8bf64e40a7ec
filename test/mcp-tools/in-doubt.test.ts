import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wallet } from '../../src/evm/wallet.ts'
import { type FaultyRpc, startFaultyRpc } from '../chains/faulty-rpc.ts'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { at } from '../evm/signing.ts'
import { type CallParams, callTool, toolClientKinds } from './tool-clients.ts'
import { openToolShop, type ToolShop } from './tool-shop.ts'

const PRICE = 10_000n

let chains: Chains
let rpcs: Readonly<Record<keyof Chains, FaultyRpc>>
let shop: ToolShop
beforeAll(async () => {
  chains = await startChains()
  const [evm, tempo] = await Promise.all([startFaultyRpc(chains.evm.url), startFaultyRpc(chains.tempo.url)])
  rpcs = { evm, tempo }
  const wares = { before: { price: '0.01' }, after: { price: '0.01', settle: 'after' } } as const
  shop = openToolShop(wares, {
    evm: [chains.evm],
    tempo: chains.tempo,
    evmRpc: evm.url,
    tempoRpc: tempo.url,
    settle: wallet(at(chains.evm.accounts, 0).privateKey, { timeoutMs: 1000 }),
  })
})
afterAll(async () => {
  await shop?.stop()
  await Promise.all(Object.values(rpcs ?? {}).map((rpc) => rpc.stop()))
  await stopChains(chains)
})

const SENDING = ['eth_sendRawTransaction', 'eth_sendRawTransactionSync', 'eth_getTransactionReceipt']

/** The payer's own transaction is no settlement of ours: nothing can get lost there. */
const settledByUs = toolClientKinds.filter(({ name }) => !name.includes('push'))

describe.each(settledByUs)('a call of $name', (kind) => {
  it.each(['before', 'after'])(
    'whose settlement is in doubt (%s) asks for no other payment; the same one gets its result (case 4)',
    async (name) => {
      const [payer, client] = [await kind.createPayer(chains), await shop.connect()]
      const sent: CallParams[] = []
      const watched = {
        callTool: (params: CallParams) => {
          sent.push(structuredClone(params))
          return callTool(client, params)
        },
      } as unknown as Client
      const rpc = rpcs[kind.chain]
      rpc.fail = (method) => (SENDING.includes(method) ? 'drop-answer' : null)
      const ran = shop.runs(name)
      const doubtful = await kind.call(watched, payer, chains, { name, arguments: { city: 'Rome' } })
      expect(doubtful.isError).toBe(true)
      const problem = { code: 'settlement-unknown', charged: 'unknown', retryable: true, retryAfter: 5 }
      expect(doubtful.structuredContent).toMatchObject(problem)
      expect(doubtful.content).toEqual([{ type: 'text', text: JSON.stringify(doubtful.structuredContent) }])
      expect(doubtful._meta).toEqual({ 'coffer/problem': doubtful.structuredContent })
      // The unpaid call, and one payment.
      expect(sent).toHaveLength(2)
      expect(shop.runs(name) - ran).toBe(name === 'after' ? 1 : 0)

      rpc.fail = () => null
      const again = (): Promise<CallToolResult> => callTool(client, at(sent, 1))
      await expect
        .poll(again, { timeout: 20_000 })
        .toMatchObject({ content: [{ text: expect.stringContaining('Rome') }] })
      expect(TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address))).toBe(PRICE)
    },
  )
})
