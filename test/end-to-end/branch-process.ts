import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ShopEvmChain } from './shop.ts'
import type { StorageSetup } from './storage.ts'

/** What a branch needs to open; JSON. */
export interface BranchSetup {
  readonly storage: StorageSetup
  /** Address that is paid. */
  readonly seller: string
  /** With the settling wallet of this branch alone. */
  readonly chain: ShopEvmChain
  /** Folder of the blobs. */
  readonly blobs: string
}

/** What a branch tells. */
export type BranchNews = { readonly url: string } | { readonly ran: string }

/** A branch in a process of its own. */
export interface Branch {
  readonly url: string
  readonly isOpen: boolean
  /** Ends the process at once, wherever it is. */
  kill(): Promise<void>
}

/** Opens a branch. `ran`: told of the payment of every run of the handler of `/report`. */
export async function openBranch(setup: BranchSetup, ran: (paymentId: string) => void): Promise<Branch> {
  const program = fileURLToPath(new URL('branch.ts', import.meta.url))
  const child = fork(program, [JSON.stringify(setup)], { execArgv: [] })
  const ended = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    child.on('message', (news: BranchNews) => {
      if ('url' in news) resolve(news.url)
      else ran(news.ran)
    })
    ended.then(() => reject(new Error('the branch did not open')))
  })
  let isOpen = true
  return {
    url,
    get isOpen() {
      return isOpen
    },
    async kill() {
      isOpen = false
      child.kill('SIGKILL')
      await ended
    },
  }
}
