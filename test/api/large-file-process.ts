/**
 * A server of vaults in a process of its own, so that its memory can be told from that of its client:
 * `fork('large-file-process.ts', [folder])`. Says `{ url, vault, bearer }` when it listens; whatever it is sent, it answers
 * with how much memory it has taken at most since it was asked last, MiB.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setInterval } from 'node:timers'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { fsBlobs } from '../../src/blobs/fs.ts'
import { createCoffer } from '../../src/gate/coffer.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { plans } from '../../src/vaults/limits.ts'

const [folder = ''] = process.argv.slice(2)
const bearer = 'an-api-key-of-thirty-two-characters-or-more'
const coffer = createCoffer({
  secret: 'a secret of at least thirty-two bytes',
  wallets: { main: { address: `0x${'2'.repeat(40)}` } },
  protocols: [],
  stub: true,
  store: sqlite(join(folder, 'coffer.db')),
  vaults: { blobs: fsBlobs(join(folder, 'blobs')), limits: plans.enterprise },
  apiKeys: [bearer],
})

const server = createServer(async (req, res) => {
  const request = toRequest(req, res)
  await sendResponse(request instanceof Response ? request : await coffer.fetch(request), res)
})

// A busy machine may need longer than the default of 5 s between two requests of one connection.
server.keepAliveTimeout = 60_000

let peak = 0
const sample = (): void => {
  peak = Math.max(peak, process.memoryUsage().rss / 2 ** 20)
}
setInterval(sample, 10)
process.on('message', () => {
  sample()
  process.send?.(peak)
  peak = 0
})

server.listen(0, '127.0.0.1', async () => {
  const vault = await coffer.vaults?.create()
  const { port } = server.address() as AddressInfo
  process.send?.({ url: `http://127.0.0.1:${port}`, vault: vault?.id, bearer })
})
