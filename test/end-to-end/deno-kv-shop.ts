/**
 * The shop of `deno-kv.test.ts`, under Deno: `deno run -A --unstable-kv deno-kv-shop.ts <DenoShopSetup as JSON>`. Sells a
 * report for a cent, opens sessions, and tells its port and the payment of every run of its handler.
 */
import process from 'node:process'
import { paid } from '../../adapters/fetch.ts'
import { memoryBlobs } from '../../src/blobs/memory.ts'
import { denoKv } from '../../src/stores/deno-kv.ts'
import { denoKvBus } from '../../src/stores/deno-kv-bus.ts'
import { deno } from '../runtimes/deno.ts'
import { createSeller, type ShopOptions } from './shop.ts'

/** What the process needs; JSON. */
export interface DenoShopSetup extends Pick<ShopOptions, 'evm' | 'tempo'> {
  /** Database file. */
  readonly file: string
  /** Address that is paid. */
  readonly seller: string
}

/** What it tells. */
export type DenoShopNews = { readonly port: number } | { readonly ran: string }

const tell = (news: DenoShopNews): void => void process.send?.(news)

if (deno !== undefined) {
  const { file, seller, ...chains } = JSON.parse(deno.args[0] ?? '') as DenoShopSetup
  const kv = await deno.openKv(file)
  const { coffer } = createSeller({
    ...chains,
    wallets: { main: { address: seller } },
    store: denoKv(kv),
    vaults: { blobs: memoryBlobs(), bus: denoKvBus(kv) },
  })
  const report = paid(
    coffer,
    { price: '0.01', acceptSessions: true, vault: true },
    async (_, { payment, vault }) => {
      tell({ ran: payment.paymentId })
      const event = await vault.emit('report.made')
      return Response.json({ paymentId: payment.paymentId, eventId: event.eventId })
    },
  )
  process.once('disconnect', () => process.exit())
  deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => tell({ port }) }, report)
}
