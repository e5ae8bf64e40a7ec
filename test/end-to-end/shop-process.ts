import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ShopOptions } from './shop.ts'

/** What a process needs to open a shop; JSON. */
export interface ShopSetup
  extends Pick<ShopOptions, 'evm' | 'tempo' | 'evmRpc' | 'tempoRpc' | 'handlerTimeout'> {
  /** SQLite file of the store. */
  readonly file: string
  /** Address that is paid. */
  readonly seller: string
  /** Whether its handler never answers. */
  readonly hangs?: boolean
  /** Whether it keeps what was promised: runs the outbox. */
  readonly works?: boolean
}

/** What a process tells. */
export type ShopNews = { readonly url: string } | { readonly ran: string }

/** A shop in a process of its own, which sells `/report`, and `/later`, which settles in the background. */
export interface ShopProcess {
  readonly url: string
  /** How often its handlers ran. */
  runs(): number
  /** Ends the process at once, wherever it is. */
  kill(): Promise<void>
}

/** Starts a shop on a file that others may share. */
export async function startShopProcess(setup: ShopSetup): Promise<ShopProcess> {
  const worker = fileURLToPath(new URL('shop-worker.ts', import.meta.url))
  const child = fork(worker, [JSON.stringify(setup)], { execArgv: [] })
  const ended = once(child, 'exit')
  let runs = 0
  const url = await new Promise<string>((resolve, reject) => {
    child.on('message', (news: ShopNews) => {
      if ('url' in news) resolve(news.url)
      else runs++
    })
    ended.then(() => reject(new Error('the shop did not open')))
  })
  return {
    url,
    runs: () => runs,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
