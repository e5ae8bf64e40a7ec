/**
 * One of several processes that are one shop: `node branch.ts <BranchSetup as JSON>`. Sells a report, and sessions that
 * work in a vault; works off the outbox; tells its URL and the payment of every run of its handlers.
 */
import { fsBlobs } from '../../src/blobs/fs.ts'
import type { BranchNews, BranchSetup } from './branch-process.ts'
import { openShop, type Ware } from './shop.ts'
import { openStorage } from './storage.ts'

const { storage, seller, chain, blobs } = JSON.parse(process.argv[2] ?? '') as BranchSetup
const tell = (news: BranchNews): void => void process.send?.(news)

const report: Ware['serve'] = (_request, { payment }) => {
  tell({ ran: payment.paymentId })
  return Response.json({ paymentId: payment.paymentId })
}

/** Every request is a step; the one with a summary is the last. */
const work: Ware['serve'] = async ({ url }, { vault, session }) => {
  if (vault === null) throw new Error('there is no vault')
  const query = new URL(url).searchParams
  const event = await vault.emit('step', { of: query.get('step') })
  if (query.has('summary')) await vault.seal('done')
  const { token } = await vault.issueAccessToken()
  return Response.json({ session: session?.id, vault: vault.id, token, event: event.eventId })
}

const { store, bus } = await openStorage(storage)
const shop = await openShop(
  {
    '/report': { price: '0.01', serve: report },
    '/work': { price: '0.01', acceptSessions: true, vault: true, serve: work },
  },
  {
    evm: [chain],
    store,
    wallets: { main: { address: seller } },
    realm: 'shop.test',
    vaults: { blobs: fsBlobs(blobs), ...(bus && { bus }) },
    // Who was killed loses its hold on a payment soon.
    handlerTimeout: 3,
  },
)
shop.coffer.start()
process.once('disconnect', () => process.exit())
tell({ url: shop.url })
