/**
 * The shop of `kill.test.ts`, in a process of its own: `node kill-shop.ts <KillShopSetup as JSON>`. Works off its outbox
 * by itself, sells the same thing for a cent in every mode of settlement, and tells its port and the payment of every run of its handler.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sqlite } from '../../src/stores/sqlite.ts'
import { openShop, type ShopEvmChain, type Ware } from './shop.ts'

/** What the process needs; JSON. */
export interface KillShopSetup {
  /** SQLite file of the store. */
  readonly file: string
  /** Address that is paid. */
  readonly seller: string
  readonly chain: ShopEvmChain
}

/** What it tells. */
export type KillShopNews = { readonly port: number } | { readonly ran: string }

const { file, seller, chain } = JSON.parse(process.argv[2] ?? '') as KillShopSetup
const tell = (news: KillShopNews): void => void process.send?.(news)

const serve: Ware['serve'] = async (_request, { payment }) => {
  tell({ ran: payment.paymentId })
  await sleep(40 * Math.random())
  return Response.json({ paymentId: payment.paymentId })
}

const shop = await openShop(
  {
    '/before': { price: '0.01', serve },
    '/after': { price: '0.01', settle: 'after', serve },
    '/background': { price: '0.01', settle: 'background', serve },
  },
  {
    evm: [chain],
    store: sqlite(file),
    wallets: { main: { address: seller } },
    // Who was killed loses its hold on a payment soon.
    handlerTimeout: 1,
  },
)
shop.coffer.start()
process.once('disconnect', () => process.exit())
tell({ port: Number(new URL(shop.url).port) })
