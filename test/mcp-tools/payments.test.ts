import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Chains, startChains, stopChains } from '../clients/kinds.ts'
import { type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { type CallParams, callTool, preparePaidCall, toolClientKinds, withMeta } from './tool-clients.ts'
import { openToolShop, type ToolShop, textResult } from './tool-shop.ts'

const PRICE = 10_000n
const ROME = { city: 'Rome' }

let chains: Chains
beforeAll(async () => {
  chains = await startChains()
})
afterAll(() => stopChains(chains))

const textOf = ({ content: [first] }: CallToolResult) => (first?.type === 'text' ? first.text : null)
/** The code of a problem, which is what a refused call gets. */
const codeOf = (result: CallToolResult) =>
  (JSON.parse(textOf(result) ?? '{}') as { code?: string }).code ?? null
const isUnpaid = ({ structuredContent }: CallToolResult) => structuredContent?.['x402Version'] === 2

describe.each(toolClientKinds)('a paid tool and $name', (kind) => {
  let shop: ToolShop
  let payer: Payer
  let client: Client
  beforeAll(async () => {
    shop = openToolShop(
      {
        report: { price: '0.01', description: 'Weather of a city' },
        other: { price: '0.01' },
        priced: { price: ({ city }) => (city === 'Rome' ? '0.02' : '0.01') },
        loose: { price: '0.01', bindArguments: false },
        flaky: {
          price: '0.01',
          serve(_args, _grant, run) {
            if (run === 1) throw new Error('out of stock')
            return { ...textResult(`run ${run}`), ...(run === 2 && { isError: true }) }
          },
        },
        late: {
          price: '0.01',
          settle: 'after',
          serve: (_args, _grant, run) => ({ ...textResult(`run ${run}`), isError: run === 1 }),
        },
        session: { price: '0.01', acceptSessions: true },
      },
      { evm: [chains.evm], tempo: chains.tempo },
    )
    payer = await kind.createPayer(chains)
    client = await shop.connect()
  })
  afterAll(() => shop?.stop())

  const call = (name: string, args: Record<string, unknown> = ROME) =>
    kind.call(client, payer, chains, { name, arguments: args })
  const prepare = (name: string, args: Record<string, unknown> = ROME): Promise<CallParams> =>
    preparePaidCall(kind, client, payer, chains, { name, arguments: args })
  const earned = () => chains[kind.chain].balanceOf(shop.seller)
  const spent = async () => TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address))

  /** What comes in while something is done. */
  async function earnedBy(work: () => Promise<unknown>): Promise<bigint> {
    const before = await earned()
    await work()
    return (await earned()) - before
  }

  it('meet: the money moves, the handler runs once, and the result has the receipt', async () => {
    const before = await spent()
    let result: CallToolResult | undefined
    expect(
      await earnedBy(async () => {
        result = await call('report')
      }),
    ).toBe(PRICE)
    expect(result).toMatchObject({ content: [{ type: 'text', text: 'Rome 1' }] })
    expect(result?.isError).toBeUndefined()
    const receipt = result?._meta?.[kind.receipt]
    const { txHash } = shop.grants.at(-1)?.payment ?? {}
    expect(receipt).toMatchObject(
      kind.receipt === 'x402/payment-response'
        ? { success: true, transaction: txHash, payer: expect.stringMatching(new RegExp(payer.address, 'i')) }
        : { status: 'success', reference: txHash, challengeId: expect.any(String) },
    )
    expect(Object.keys(result?._meta ?? {})).toEqual([kind.receipt])
    expect((await spent()) - before).toBe(PRICE)
    expect(shop.runs('report')).toBe(1)
    const { payments } = await shop.coffer.payments.list({ route: 'POST /tool/report' })
    expect(payments).toMatchObject([{ protocol: kind.credential === 'x402/payment' ? 'x402' : 'mpp' }])
  })

  it('meet once for one payment, in fifty calls at once (case 1)', async () => {
    const before = shop.runs('report')
    const paid = await prepare('report')
    let results: CallToolResult[] = []
    const income = await earnedBy(async () => {
      results = await Promise.all(Array.from({ length: 50 }, () => callTool(client, paid)))
    })
    expect(results.filter(({ isError }) => isError !== true)).toHaveLength(1)
    const codes = new Set(results.filter(({ isError }) => isError).map(codeOf))
    expect([...codes].filter((code) => code !== 'payment-in-flight' && code !== 'duplicate-payment')).toEqual(
      [],
    )
    expect(results.some(isUnpaid)).toBe(false)
    expect(income).toBe(kind.name.includes('push') ? 0n : PRICE)
    expect(shop.runs('report')).toBe(before + 1)
    expect(codeOf(await callTool(client, paid))).toBe('duplicate-payment')
  })

  it('refuse other arguments, and other tools, for a payment that was made for these (case 8)', async () => {
    const [bought, ran] = [await prepare('report'), shop.grants.length]
    // A v1 client says nothing about what it pays for: its first use decides.
    const isBound = !kind.name.includes('v1')
    if (!isBound) expect((await callTool(client, bought)).isError).toBeUndefined()
    for (const change of [{ arguments: { city: 'Oslo' } }, { name: 'other' }]) {
      const result = await callTool(client, { ...bought, ...change })
      expect(result.isError).toBe(true)
      expect([change, isUnpaid(result)]).toEqual([change, isBound])
    }
    expect(shop.grants).toHaveLength(isBound ? ran : ran + 1)
    if (isBound) expect((await callTool(client, bought)).isError).toBeUndefined()
    const loose = await prepare('loose')
    expect(textOf(await callTool(client, { ...loose, arguments: { city: 'Oslo' } }))).toMatch(/^Oslo/)
  })

  it('agree on a price that depends on the arguments', async () => {
    expect(await earnedBy(() => call('priced'))).toBe(2n * PRICE)
    expect(await earnedBy(() => call('priced', { city: 'Oslo' }))).toBe(PRICE)
  })

  it('keep what a failed tool has cost: the same payment gets it, and is then spent (case 12)', async () => {
    const paid = await prepare('flaky')
    const income = await earnedBy(async () => {
      const thrown = await callTool(client, paid)
      expect([thrown.isError, textOf(thrown), thrown._meta]).toEqual([true, 'out of stock', undefined])
      const failed = await callTool(client, paid)
      expect([failed.isError, textOf(failed), failed._meta]).toEqual([true, 'run 2', undefined])
      const delivered = await callTool(client, paid)
      expect([delivered.isError, textOf(delivered)]).toEqual([undefined, 'run 3'])
      expect(delivered._meta).toHaveProperty([kind.receipt])
      expect(shop.grants.at(-1)?.payment.redeemed).toBe(true)
      expect(codeOf(await callTool(client, paid))).toBe('duplicate-payment')
    })
    expect(income).toBe(kind.name.includes('push') ? 0n : PRICE)
  })

  it('charge nothing for a tool that fails before it is paid', async () => {
    const paid = await prepare('late')
    expect(await earnedBy(() => callTool(client, paid))).toBe(0n)
    const income = await earnedBy(async () => {
      expect(await callTool(client, paid)).toMatchObject({ content: [{ text: 'run 2' }] })
    })
    expect(income).toBe(kind.name.includes('push') ? 0n : PRICE)
  })

  it('go on with a session, without paying', async () => {
    const first = await call('session')
    const id = first._meta?.['coffer/session']
    expect(id).toMatch(/^sess_/)
    const params = { name: 'session', arguments: { city: 'Oslo' } }
    const income = await earnedBy(async () => {
      const more = await callTool(client, withMeta(params, { 'coffer/session': id }))
      expect([textOf(more), more._meta]).toEqual(['Oslo 2', undefined])
    })
    expect(income).toBe(0n)
    expect(shop.grants.at(-1)).toMatchObject({ session: { id }, payment: { sessionId: id } })
    const unknown = await callTool(client, withMeta(params, { 'coffer/session': 'sess_unknown' }))
    expect(isUnpaid(unknown)).toBe(true)
  })
})
