import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EvmChain, startEvmChain } from '../chains/evm.ts'
import { ask, createMarkets } from '../client/market.ts'
import { createEvmPayer, type Payer, TEN_DOLLARS } from '../clients/payers.ts'
import { openShop, type Shop } from '../end-to-end/shop.ts'
import { type Ended, expectNoSecrets, runProcess } from './process.ts'

const folder = mkdtempSync(join(tmpdir(), 'coffer-sessions-'))
let chain: EvmChain
let shop: Shop
let payer: Payer
let env: Record<string, string>

beforeAll(async () => {
  chain = await startEvmChain()
  shop = await openShop({ '/one/a': { price: '0.02', acceptSessions: true } }, { evm: [chain] })
  payer = await createEvmPayer(chain)
  env = {
    COFFER_PRIVATE_KEY: payer.privateKey,
    COFFER_AGENT: join(folder, 'agent.db'),
    COFFER_RPC_84532: chain.url,
  }
})
afterAll(async () => {
  await shop?.stop()
  await chain?.stop()
  rmSync(folder, { recursive: true })
})

async function run(...args: string[]): Promise<Ended> {
  const ended = await runProcess(args, { env })
  expectNoSecrets(ended, payer.privateKey)
  return ended
}

describe('coffer sessions', () => {
  it('lists what was opened, where it is good, and what it cost', async () => {
    expect(await run('sessions')).toMatchObject({ code: 0, out: 'No sessions.\n', err: '' })
    expect(await run('pay', `${shop.url}/one/a`)).toMatchObject({ code: 0 })
    const { out, err } = await run('sessions')
    expect(err).toBe('')
    expect(out).toMatch(
      /^cses_\w+ {2}http:\/\/127\.0\.0\.1:\d+\/one\/a\n {2}for this folder and below; opened by the server\n/,
    )
    expect(out).toContain('cost 0.02 USDC on base-sepolia')
    expect(JSON.parse((await run('sessions', '--json')).out)).toEqual([
      expect.objectContaining({
        url: `${shop.url}/one/a`,
        kind: 'server',
        payment: expect.objectContaining({ amount: '0.02' }),
      }),
    ])
  })

  it('ends one at the server that opened it, and forgets it', async () => {
    const [{ id }] = JSON.parse((await run('sessions', '--json')).out)
    const elsewhere = await run('sessions', 'end', id, '--api', 'https://elsewhere.example')
    expect([elsewhere.code, elsewhere.err]).toEqual([2, expect.stringContaining(`a URL of ${shop.url}`)])
    const before = await chain.balanceOf(payer.address)
    expect(await run('sessions', 'end', id)).toMatchObject({ code: 0, out: `${id}  ended\n` })
    expect(await run('sessions')).toMatchObject({ out: 'No sessions.\n' })
    const again = await run('sessions', 'end', id)
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('there is no session')])
    expect(await run('pay', `${shop.url}/one/a`)).toMatchObject({ code: 0 })
    expect(await chain.balanceOf(payer.address)).toBe(before - 20_000n)
    expect((await run('sessions', 'end', '--all')).out).toMatch(/^cses_\w+ {2}ended\n$/)
  })

  it.each([[['end']], [['end', 'x', '--all']], [['abandon']], [['nonsense']]])(
    'ends with 2 for %j',
    async (args) => expect(await run('sessions', ...args)).toMatchObject({ code: 2, out: '' }),
  )
})

describe('coffer sessions --attempts', () => {
  const markets = createMarkets()

  it('lists money in doubt with what to do, and gives it up when told to', async () => {
    const market = await markets(({ request, isPaid }) =>
      isPaid ? new Response(null, { status: 503 }) : ask(request.url),
    )
    expect(await run('pay', `${market.url}/a`, '--patience', '0')).toMatchObject({ code: 4 })
    expect((await run('sessions')).err).toContain('payments in doubt: 1 ')
    const { out } = await run('sessions', '--attempts')
    const [, id = ''] = /^(att_\w+) {2}sent {2}GET http/.exec(out) ?? []
    expect(out).toContain(`coffer pay --resume ${id} fetches the answer`)
    expect(out).toContain('0.01 USDC on base-sepolia')
    const [open] = JSON.parse((await run('sessions', '--attempts', '--json')).out)
    expect(open).toMatchObject({ id, state: 'sent', isOpen: true })
    expect(await run('sessions', 'abandon', id)).toMatchObject({
      code: 0,
      out: expect.stringContaining('abandoned'),
    })
    expect(await run('sessions', '--attempts')).toMatchObject({ out: 'No payments.\n' })
    expect((await run('sessions', '--attempts', '--all')).out).toContain(`${id}  abandoned`)
    const unknown = await run('sessions', 'abandon', 'att_nothing')
    expect([unknown.code, unknown.out]).toEqual([1, ''])
    expect(await chain.balanceOf(payer.address)).toBe(TEN_DOLLARS - 40_000n)
  })
})
