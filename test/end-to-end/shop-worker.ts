/** A shop in a process of its own: `node shop-worker.ts <ShopSetup as JSON>`. Tells its URL, and of every run. */
import { sqlite } from '../../src/stores/sqlite.ts'
import { openShop, type Ware } from './shop.ts'
import type { ShopNews, ShopSetup } from './shop-process.ts'

const { file, seller, hangs, works, ...options } = JSON.parse(process.argv[2] ?? '') as ShopSetup
const tell = (news: ShopNews): void => void process.send?.(news)

const serve: Ware['serve'] = ({ url }, _grant, run) => {
  tell({ ran: url })
  return hangs ? new Promise(() => {}) : Response.json({ run })
}
const shop = await openShop(
  { '/report': { price: '0.01', serve }, '/later': { price: '0.01', settle: 'background', serve } },
  { ...options, store: sqlite(file), wallets: { main: { address: seller } }, realm: 'shop.test' },
)
if (works) shop.coffer.start()
process.once('disconnect', () => process.exit())
tell({ url: shop.url })
