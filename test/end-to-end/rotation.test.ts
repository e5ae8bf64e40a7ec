import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { type Chains, clientKinds, createPayerFor, startChains, stopChains } from '../clients/kinds.ts'
import { TEN_DOLLARS } from '../clients/payers.ts'
import { preparePaid, send } from '../clients/wire.ts'
import { codeOf } from '../gate/scripted.ts'
import { newAddress, openShop, type Shop, type ShopOptions } from './shop.ts'

const [OLD, NEW] = ['the old secret, of at least 32 bytes', 'the new secret, of at least 32 bytes']

let chains: Chains
beforeAll(async () => {
  chains = await startChains()
})
afterAll(() => stopChains(chains))

describe.each(clientKinds.filter(({ credential }) => credential === 'authorization'))(
  'a challenge for $name that was signed with a secret which rotates (case 15)',
  (kind) => {
    const shops: Shop[] = []
    const seller = newAddress()
    let now = Date.now
    /** One seller, restarted with other secrets. */
    const open = async (secret: ShopOptions['secret']): Promise<Shop> => {
      const shop = await openShop(
        { '/report': { price: '0.01' } },
        {
          evm: [chains.evm],
          tempo: chains.tempo,
          realm: 'shop.test',
          wallets: { main: { address: seller } },
          store: memory(),
          clock: () => now(),
          ...(secret !== undefined && { secret }),
        },
      )
      shops.push(shop)
      return shop
    }
    afterAll(() => Promise.all(shops.map((shop) => shop.stop())))

    it('is good while the old secret verifies, no longer than it lives, and no more without it', async () => {
      const [before, during, after] = [await open([OLD]), await open([NEW, OLD]), await open([NEW])]
      const payer = await createPayerFor(kind, chains)
      const sent = await preparePaid((fetch) => kind.connect(payer, chains, fetch), `${before.url}/report`)
      const sendTo = (shop: Shop) => send(sent, { url: `${shop.url}/report` })

      const refused = await sendTo(after)
      expect([refused.status, await codeOf(refused)]).toEqual([402, 'payment-verification-failed'])
      now = () => Date.now() + 301_000
      const late = await sendTo(during)
      expect([late.status, await codeOf(late)]).toEqual([402, 'challenge-expired'])
      now = Date.now
      expect([before, during, after].map((shop) => shop.runs('/report'))).toEqual([0, 0, 0])
      expect((await sendTo(during)).status).toBe(200)
      expect(TEN_DOLLARS - (await chains[kind.chain].balanceOf(payer.address))).toBe(10_000n)

      const fresh = await preparePaid((fetch) => kind.connect(payer, chains, fetch), `${during.url}/report`)
      expect((await send(fresh, { url: `${before.url}/report` })).status).toBe(402)
      expect((await send(fresh, { url: `${after.url}/report` })).status).toBe(200)
    })
  },
)

it.each(['', 'x'.repeat(31), ['x'.repeat(32), 'short'], []].map((secret) => [secret]))(
  'the secret %j is refused when the shop opens, without being shown (case 15)',
  async (secret) => {
    const opening = openShop({}, { evm: [chains.evm], secret })
    await expect(opening).rejects.toThrow(/^secret/)
    await expect(opening).rejects.not.toThrow(/xxx|short/)
  },
)
