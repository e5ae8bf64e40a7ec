import type { AdapterRunner } from '../adapters/prover.ts'
import type { Chains } from '../clients/kinds.ts'
import { clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { receiptOf } from '../clients/receipts.ts'
import { newAddress } from '../end-to-end/shop.ts'
import type { Till } from './apps/till.ts'

/** What the proofs of payment need besides a runner. */
export interface PaymentsOptions extends AdapterRunner {
  readonly beforeAll: (work: () => Promise<void>) => void
  readonly afterAll: (work: () => Promise<void>) => void
  /** Where one of the `apps` is served. */
  url(): string
  /** Whether it has `/later`, for platforms that keep working when the answer is out. */
  readonly worksOn: boolean
}

const API_KEY = 'an-api-key-of-thirty-two-characters-or-more'

/** Proves that the official clients pay an app on local chains. */
export function provePayments(options: PaymentsOptions): void {
  const { describe, it, expect, beforeAll, afterAll, url, worksOn } = options
  let chains: Chains
  let till: Till

  beforeAll(async () => {
    chains = await startChains()
    const [settler] = chains.evm.accounts
    till = {
      seller: newAddress(),
      evm: chains.evm.url,
      tempo: chains.tempo.url,
      settler: settler?.privateKey ?? '0x',
      apiKey: API_KEY,
    }
  })
  afterAll(() => stopChains(chains))

  const fetchTold: typeof fetch = (input, init) => {
    const request = new Request(input, init)
    request.headers.set('x-till', JSON.stringify(till))
    return fetch(request)
  }
  const earned = (chain: keyof Chains): Promise<bigint> =>
    chains[chain].balanceOf(till.seller as `0x${string}`)

  describe('a route with parameters (fault 12) is paid by the official client of', () => {
    it.each(clientKinds)('$name', async (kind) => {
      const payer = await createPayerFor(kind, chains)
      const before = await earned(kind.chain)
      const answer = await kind.connect(payer, chains, fetchTold)(`${url()}/wares/7?q=${kind.receipt}`)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({ id: '7', paidBy: payer.address })
      expect(await chains[kind.chain].balanceOf(payer.address)).toBe(TEN_DOLLARS - 10_000n)
      expect((await earned(kind.chain)) - before).toBe(10_000n)
      expect(receiptOf(answer)).toMatch(/^0x[\da-f]{64}$/)
    })
  })

  describe('the seller', () => {
    it('reads its log over HTTP', async () => {
      const ask = (key: string) =>
        fetchTold(`${url()}/coffer/payments`, { headers: { authorization: `Bearer ${key}` } })
      expect((await ask('another-key-of-thirty-two-characters-or-more')).status).toBe(401)
      const { payments } = (await (await ask(API_KEY)).json()) as { payments: { route: string }[] }
      expect(payments.map(({ route }) => route.split('?')[0])).toContain('GET /wares/7')
      expect(payments.length).toBeGreaterThanOrEqual(clientKinds.length)
    })

    if (!worksOn) return
    it('gives credit that is settled after the answer, without a worker or a timer', async () => {
      const kind = clientKinds[0]
      if (kind === undefined) throw new Error('no clients')
      const payer = await createPayerFor(kind, chains)
      const before = await earned(kind.chain)
      const answer = await kind.connect(payer, chains, fetchTold)(`${url()}/later`)
      expect(answer.status).toBe(200)
      while ((await earned(kind.chain)) === before) await new Promise((resolve) => setTimeout(resolve, 20))
      expect((await earned(kind.chain)) - before).toBe(20_000n)
    })
  })
}
