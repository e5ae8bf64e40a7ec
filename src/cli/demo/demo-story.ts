import {
  type PayFetch,
  type PayFetchOptions,
  type PolicyOptions,
  payFetch,
  paymentOf,
  vaultEvents,
} from '../../client.ts'
import { createTestPayer, type TestPayer } from '../../testing.ts'
import type { Terminal } from '../command.ts'
import { inspectEndpoint } from '../inspect/inspection.ts'
import { type DemoShop, openDemoShop } from './demo-shop.ts'

/** Tells the whole story, and whether all of it came true. */
export async function tellDemo({ out, signal }: Terminal): Promise<boolean> {
  const shop = await openDemoShop()
  const failures: string[] = []
  const check = (isTrue: boolean, what: string): void => {
    if (!isTrue) failures.push(what)
  }
  try {
    out(`A paid API, at ${shop.url}, and two chains, all in this process.\n\n`)
    await tellChallenge(shop, out, signal, check)
    const replay = await tellPayments(shop, out, check)
    await tellSession(shop, out, check)
    await tellReplay(shop, replay, out, check)
  } finally {
    await shop.close()
  }
  out(
    failures.length === 0
      ? '\nAll of it was checked against the balances.\n'
      : `\nNot true: ${failures.join('; ')}\n`,
  )
  if (failures.length === 0) out('Yours: coffer inspect <url>, coffer wallet new, coffer pay <url>.\n')
  return failures.length === 0
}

type Check = (isTrue: boolean, what: string) => void
type Out = Terminal['out']

async function tellChallenge({ url }: DemoShop, out: Out, signal: AbortSignal, check: Check): Promise<void> {
  const question = { method: 'GET', headers: new Headers(), body: null, timeoutMs: 10_000, signal }
  const { status, challenges, remarks } = await inspectEndpoint({
    ...question,
    url: new URL(`${url}/report`),
  })
  check(status === 402 && remarks.length === 0, 'the 402 has remarks')
  out(`1. GET /report without a payment: ${status} Payment Required, in three languages at once\n`)
  for (const { what, parts } of challenges) {
    const prices = parts.flatMap(({ fields }) => {
      const { meaning } = fields.find((field) => field.meaning.startsWith(PRICED)) ?? {}
      return meaning?.slice(PRICED.length) ?? []
    })
    out(`   ${what.split(':')[0]?.padEnd(17)} ${prices.join(', ')}\n`)
  }
  out('\n')
}

/** How the explanation of a price begins. */
const PRICED = 'the price: '

/** A way to pay. */
interface Way {
  readonly name: string
  readonly chain: 'chain' | 'tempo'
  readonly policy: PolicyOptions
  /** Field that pays. */
  readonly field: string
}

const WAYS: readonly Way[] = [
  { name: 'x402', chain: 'chain', policy: { protocols: ['x402'] }, field: 'payment-signature' },
  { name: 'x402 version 1', chain: 'chain', policy: { protocols: ['x402'] }, field: 'x-payment' },
  { name: 'MPP evm', chain: 'chain', policy: { protocols: ['mpp'] }, field: 'authorization' },
  { name: 'MPP tempo', chain: 'tempo', policy: { protocols: ['mpp'] }, field: 'authorization' },
]

const PRICE = 10_000n

async function tellPayments(shop: DemoShop, out: Out, check: Check): Promise<Request | null> {
  out('2. Agents with ten dollars each pay it, each in its own way\n')
  out(`   ${row('client', 'answer', 'paid', 'payer', 'seller', 'receipt')}`)
  let last: Request | null = null
  for (const way of WAYS) {
    const chain = shop[way.chain]
    const payer = createTestPayer({ chain, protocol: way.chain === 'tempo' ? 'mpp' : 'x402' })
    const before = chain.balanceOf(shop.seller)
    const agent = agentOf(payer, shop, {
      policy: { ...way.policy, networks: [chain.id] },
      fetch: async (input, init) => {
        const request = new Request(input, init)
        if (request.headers.has(way.field)) last = request.clone()
        const answer = await fetch(request)
        return way.field === 'x-payment' ? withoutV2(answer) : answer
      },
    })
    const answer = await agent(`${shop.url}/report`)
    const [left, earned] = [chain.balanceOf(payer.address), chain.balanceOf(shop.seller) - before]
    const { amount = '-', symbol = '', receipt } = paymentOf(answer) ?? {}
    check(
      answer.status === 200 && earned === PRICE && left === 1000n * PRICE - PRICE,
      `${way.name} pays exactly`,
    )
    out(
      `   ${row(way.name, `${answer.status} ${await answer.text()}`, `${amount} ${symbol}`, dollars(left), `+${dollars(earned)}`, receipt?.status ?? '-')}`,
    )
  }
  out('\n')
  return last
}

/** As a server that speaks version 1 only. */
function withoutV2(answer: Response): Response {
  const headers = new Headers(answer.headers)
  headers.delete('payment-required')
  return new Response(answer.body, { status: answer.status, headers })
}

function agentOf(payer: TestPayer, { chain, tempo }: DemoShop, more: Partial<PayFetchOptions>): PayFetch {
  return payFetch({
    wallet: payer.signer,
    budget: { payment: '0.10', total: '1' },
    rpc: { [chain.id]: chain.rpc, [tempo.id]: tempo.rpc },
    ...more,
  })
}

async function tellSession(shop: DemoShop, out: Out, check: Check): Promise<void> {
  const { chain, url, seller } = shop
  const payer = createTestPayer({ chain })
  const agent = agentOf(payer, shop, {})
  out('3. A session: three steps, paid once, with one vault, which is followed while it fills\n')
  const before = chain.balanceOf(seller)
  const first = await agent(`${url}/agent/step?step=1`)
  const { vault, token } = (await first.json()) as { vault: string; token: string }
  const follow = async (): Promise<readonly string[]> => {
    const seen: string[] = []
    for await (const { type, payload } of vaultEvents(`${url}/vaults/${vault}`, { token })) {
      out(`   event  ${type} ${JSON.stringify(payload)}\n`)
      seen.push(type)
    }
    return seen
  }
  const following = follow()
  const vaults = new Set([vault])
  for (const step of [2, 3]) {
    const answer = await agent(`${url}/agent/step?step=${step}`)
    vaults.add(((await answer.json()) as { vault: string }).vault)
    check(answer.status === 200 && paymentOf(answer) === null, `step ${step} is free`)
  }
  const seen = await following
  const earned = chain.balanceOf(seller) - before
  check(earned === 5n * PRICE, 'a session is paid once')
  check(vaults.size === 1, 'a session has one vault')
  check(seen.join(' ') === 'agent.step agent.step agent.step vault.sealed', 'the vault tells all')
  out(`   three requests, ${dollars(earned)} paid, ${vaults.size} vault\n\n`)
}

async function tellReplay(shop: DemoShop, sent: Request | null, out: Out, check: Check): Promise<void> {
  out('4. The last payment of 2., sent again\n')
  if (sent === null) return check(false, 'a payment was made')
  const before = [shop.chain.balanceOf(shop.seller), shop.tempo.balanceOf(shop.seller), shop.runs()]
  const headers = new Headers(sent.headers)
  headers.delete('idempotency-key')
  const answer = await fetch(new Request(sent, { headers }))
  const { code } = (await answer.json()) as { code?: string }
  const after = [shop.chain.balanceOf(shop.seller), shop.tempo.balanceOf(shop.seller), shop.runs()]
  check(answer.status === 409 && before.join() === after.join(), 'a replay is refused')
  out(`   ${answer.status} ${code}: no money moved, and no handler ran\n`)
}

function dollars(units: bigint): string {
  return (Number(units) / 1e6).toFixed(2)
}

const WIDTHS = [15, 16, 13, 5, 6, 0]

function row(...cells: readonly string[]): string {
  return `${cells
    .map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0))
    .join('  ')
    .trimEnd()}\n`
}
