/**
 * A process whose vault is followed: `node --expose-gc stream-server.ts`. It says where, and then does what it is told: emits
 * events, or says what it has in memory.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCoffer } from 'coffer'
import { api } from 'coffer/express'
import { memory, memoryBlobs, memoryBus } from 'coffer/memory'
import { answerParent } from './process.ts'
import { protocols } from './seller.ts'
import * as terms from './terms.ts'

/** What the process can be told. It answers with nothing, or with its {@link Weight}. */
export type Order = { readonly emit: number; readonly gapMs: number } | 'weigh'

/** What the process says in the beginning. */
export interface Followable {
  readonly port: number
  readonly path: string
  readonly token: string
}

/** What a process has in memory after a collection, bytes. */
export interface Weight {
  /** Objects and buffers. */
  readonly heap: number
  /** All pages. */
  readonly resident: number
}

const coffer = createCoffer({
  secret: terms.SECRET,
  wallets: { main: { address: terms.SELLER } },
  protocols: [protocols.tempo],
  store: memory(),
  vaults: { blobs: memoryBlobs(), bus: memoryBus() },
})
const handle = api(coffer)
const server = createServer((req, res) => handle(req, res, () => res.destroy()))
await once(server.listen(0, '127.0.0.1'), 'listening')
const vault = await coffer.vaults?.create()
if (!vault) throw new Error('there are no vaults')
const { token } = await vault.issueAccessToken()
const { port } = server.address() as AddressInfo

const where: Followable = { port, path: `/vaults/${vault.id}/events`, token }
answerParent(where, async (order: Order) => {
  if (order === 'weigh') return weigh()
  for (let step = 0; step < order.emit; step++) {
    await vault.emit('agent.step', { at: performance.timeOrigin + performance.now(), step })
    if (order.gapMs > 0) await sleep(order.gapMs)
  }
})

async function weigh(): Promise<Weight> {
  for (let n = 0; n < 5; n++) {
    globalThis.gc?.()
    await sleep(50)
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, resident: rss }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
