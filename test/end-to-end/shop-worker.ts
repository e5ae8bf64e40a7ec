/** A shop in a process of its own: `node shop-worker.ts <ShopSetup as JSON>`. Tells its URL, and of every run. */
import { sqlite } from '../../src/stores/sqlite.ts'
import { openShop } from './shop.ts'
import type { ShopNews, ShopSetup } from './shop-process.ts'

const { file, seller, hangs, ...options } = JSON.parse(process.argv[2] ?? '') as ShopSetup
const tell = (news: ShopNews): void => void process.send?.(news)

const shop = await openShop(
  {
    '/report': {
      price: '0.01',
      serve(_request, _grant, run) {
        tell({ ran: run })
        return hangs ? new Promise(() => {}) : Response.json({ run })
      },
    },
  },
  { ...options, store: sqlite(file), wallets: { main: { address: seller } }, realm: 'shop.test' },
)
process.once('disconnect', () => process.exit())
tell({ url: shop.url })
